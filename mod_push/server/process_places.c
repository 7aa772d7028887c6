#include "server/process_places.h"

#include <http_log.h>
#include <sys/mman.h>

#include "store/limits/positions.h"

APLOG_USE_MODULE(push);

/* Set by the parent before it forks; read by the children. */
static push_positions_t *positions;
static int64_t age;

/* Touched only where it is used: that it is large is nobody's concern. */
static push_positions_t *make(server_rec *s)
{
    push_positions_t *made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (made == MAP_FAILED || !push_positions_create(made)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, errno, s,
                     "PUSH0292: PushPositions: cannot make the shared memory "
                     "of positions, %" APR_SIZE_T_FMT " bytes",
                     sizeof(*made));
        return NULL;
    }
    return made;
}

bool push_process_places_prepare(server_rec *s, const push_global_t *global,
                                 push_kept_t *kept)
{
    age = global->position_age;
    positions = NULL;
    if (global->positions <= 0) {
        return true;
    }
    if (!kept->positions) {
        kept->positions = make(s);
        kept->positions_size = sizeof(*positions);
    }
    positions = kept->positions;
    return positions != NULL;
}

push_positions_t *push_process_places(void)
{
    return positions;
}

void push_process_places_fill(push_runtime_t *runtime)
{
    runtime->position_age = age;
}
