#include "store/shm/thread.h"
#include "core_suite.h"

#include <signal.h>

static void *ask_mask(void *data)
{
    pthread_sigmask(SIG_SETMASK, NULL, data);
    return NULL;
}

START_TEST(no_signal_reaches_the_thread_and_its_starter_keeps_its_own)
{
    static const int signals[] = {SIGTERM, SIGHUP, SIGUSR1, SIGWINCH, SIGINT};
    sigset_t mine, thread_s;
    pthread_t thread;

    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &mine, NULL);
    ck_assert(push_thread_start(&thread, ask_mask, &thread_s));
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        ck_assert_int_eq(sigismember(&thread_s, signals[i]), 1);
        ck_assert_int_eq(sigismember(&mine, signals[i]),
                         signals[i] == SIGUSR1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread");
    TCase *tc = unit_case(suite, "thread", 20);

    tcase_add_test(tc,
                   no_signal_reaches_the_thread_and_its_starter_keeps_its_own);
    return unit_run(suite);
}
