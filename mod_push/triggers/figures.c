#include "triggers/figures.h"

#include <stdio.h>
#include <string.h>

const int64_t push_trigger_bounds[PUSH_TRIGGER_BOUNDS] = {
    1000,   2500,   5000,    10000,   25000,   50000,
    100000, 250000, 1000000, 2500000, 10000000};

const char *push_trigger_code_name(push_trigger_code_t code)
{
    static const char *const names[PUSH_TRIGGER_CODES] = {
#define PUSH_TRIGGER_CODE(kind, name) name,
        PUSH_TRIGGER_CODE_TABLE(PUSH_TRIGGER_CODE)
#undef PUSH_TRIGGER_CODE
    };

    return names[code];
}

push_trigger_code_t push_trigger_code_of(long status, bool timed_out)
{
    if (!status) {
        return timed_out ? PUSH_TRIGGER_CODE_TIMEOUT
                         : PUSH_TRIGGER_CODE_CONNECT;
    }
    return status < 300   ? PUSH_TRIGGER_CODE_2XX
           : status < 400 ? PUSH_TRIGGER_CODE_3XX
           : status < 500 ? PUSH_TRIGGER_CODE_4XX
                          : PUSH_TRIGGER_CODE_5XX;
}

void push_trigger_count(push_trigger_figures_t *figures,
                        push_trigger_code_t code, int64_t us)
{
    unsigned bucket = 0;

    while (bucket < PUSH_TRIGGER_BOUNDS && us > push_trigger_bounds[bucket]) {
        bucket++;
    }
    atomic_fetch_add(&figures->requests[code], 1);
    atomic_fetch_add(&figures->times[bucket], 1);
    atomic_fetch_add(&figures->us, (uint64_t)us);
}

void push_trigger_failed(push_trigger_figures_t *figures, const char *error,
                         int64_t now)
{
    atomic_fetch_or(&figures->error_odd, 1);
    snprintf(figures->error, sizeof(figures->error), "%s", error);
    atomic_fetch_add(&figures->error_odd, 1);
    atomic_store(&figures->error_at, now);
}

bool push_trigger_error(const push_trigger_figures_t *figures,
                        char error[PUSH_TRIGGER_ERROR])
{
    for (int i = 0; i < 100 && atomic_load(&figures->error_at); i++) {
        uint32_t before = atomic_load(&figures->error_odd);

        memcpy(error, figures->error, PUSH_TRIGGER_ERROR);
        error[PUSH_TRIGGER_ERROR - 1] = '\0';
        if (!(before & 1) && before == atomic_load(&figures->error_odd)) {
            return true;
        }
    }
    return false;
}
