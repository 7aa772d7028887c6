/* real_tail.c - `pushctl tail` with a real server. */
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "shell.h"

static void setup(void)
{
    struct server *server = server_start(NULL);

    setenv("DIR", keep_printf("%s/htdocs", server->root), 1);
    setenv("HOME", keep_printf("%s/htdocs", server->root), 1);
    setenv("PUSHCTL_URL",
           keep_printf("http://127.0.0.1:%d/push", server->port), 1);
    setenv("CTL", keep_printf("timeout 60 %s/pushctl", shell_build()), 1);
}

/* Defines follow, which tails in the background and waits for its stream, and
 * lose, which publishes a message and recalls it. */
#define FOLLOW                                                                \
    "follow() { $CTL tail \"$@\" > tail.out & tail=$!;"                       \
    " until $CTL stats -j | grep -q '\"streams\":1,'; do sleep 0.05; done; "  \
    "};"                                                                      \
    "lose() { id=$($CTL publish -u ann -r -m x); id=${id%% *};"               \
    " $CTL recall \"$id\" > /dev/null; };"

START_TEST(tail_shows_what_became_of_a_message)
{
    const char *said = shell_run(
        FOLLOW "follow receipts -n 1; lose; wait $tail; echo \"$id\";"
               "cat tail.out");
    const char *word = strstr(said, "  recalled ");

    ck_assert_ptr_nonnull(word);
    ck_assert_ptr_nonnull(strstr(word, keep_printf("  %.11s  ann", said)));
}
END_TEST

START_TEST(tail_gives_programs_the_event_as_it_is)
{
    const json_t *event = json_keep(json_loads(
        shell_run(FOLLOW "follow -j -n 1; lose; wait $tail; cat tail.out"), 0,
        NULL));

    ck_assert_str_eq(json_text_at(event, "type"), "push.message.recalled");
    ck_assert_str_eq(json_text_at(event, "data.audience.user"), "ann");
}
END_TEST

START_TEST(tail_ends_well_by_a_signal)
{
    shell_run(FOLLOW "follow presence; kill -INT $tail; wait $tail");
}
END_TEST

START_TEST(tail_takes_only_what_there_is)
{
    ck_assert_ptr_nonnull(
        strstr(shell_run("set +e; $CTL tail news 2>&1; echo $?"), "\n2\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c tail");
    TCase *tc = case_add(suite, "tail", 90);

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, tail_shows_what_became_of_a_message);
    tcase_add_test(tc, tail_gives_programs_the_event_as_it_is);
    tcase_add_test(tc, tail_ends_well_by_a_signal);
    tcase_add_test(tc, tail_takes_only_what_there_is);
    return case_run(suite);
}
