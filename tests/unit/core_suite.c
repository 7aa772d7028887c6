#include "core_suite.h"

#include <stdlib.h>

TCase *unit_case(Suite *suite, const char *name, int seconds)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, seconds);
    suite_add_tcase(suite, tc);
    return tc;
}

int unit_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

dice_t dice(uint64_t seed)
{
    dice_t d = {(seed + 1) * 0x9e3779b97f4a7c15u};

    for (int i = 0; i < 8; i++) {
        dice_next(&d);
    }
    return d;
}

uint64_t dice_next(dice_t *d)
{
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return d->state * 0x2545f4914f6cdd1du;
}

uint32_t dice_below(dice_t *d, uint32_t below)
{
    return (uint32_t)((dice_next(d) >> 32) * below >> 32);
}

int dice_one_in(dice_t *d, uint32_t times)
{
    return dice_below(d, times) == 0;
}
