#include "case.h"

#include <signal.h>
#include <stdlib.h>

#include "keep.h"
#include "server.h"
#include "serverroot.h"

static void end_of_test(void)
{
    server_stop_all();
    keep_end();
}

TCase *case_add(Suite *suite, const char *name, int seconds)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, seconds);
    tcase_add_checked_fixture(tc, NULL, end_of_test);
    suite_add_tcase(suite, tc);
    return tc;
}

int case_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    signal(SIGPIPE, SIG_IGN);
    serverroot_begin();
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    serverroot_end();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
