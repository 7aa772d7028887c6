/* suite.c - the main of a test. */
#include "suite.h"

#include <stdio.h>

static Suite *suite;

TCase *suite_begin(const char *name, int seconds)
{
    TCase *tc = tcase_create(name);
    static char whole[64]; /* which Check borrows */

    snprintf(whole, sizeof(whole), "sdk-c %s", name);
    suite = suite_create(whole);
    tcase_set_timeout(tc, seconds);
    suite_add_tcase(suite, tc);
    return tc;
}

int suite_run(void)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
