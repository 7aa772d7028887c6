#include "server/generation.h"

#include <ap_mpm.h>
#include <scoreboard.h>

uint32_t push_generation_own(void)
{
    int generation = 0;

    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    return (uint32_t)generation;
}

bool push_generation_newer(void)
{
    return ap_exists_scoreboard_image()
           && (uint32_t)ap_get_scoreboard_global()->running_generation
                  != push_generation_own();
}
