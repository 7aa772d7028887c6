/*
 * What the library may do: the user of conf/examples/redis-push.acl has what
 * it needs and nothing else, and no function touches a key that is not among
 * its keys.
 */
#include "library_scenario.h"

#include <stdlib.h>
#include <string.h>

#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"

#define ACL_FILE "conf/examples/redis-push.acl"

/* Its line that says who the user is. */
static const char *acl_line(void)
{
    const char *line = strstr(keep_file(ACL_FILE, NULL), "\nuser push ");

    ck_assert_ptr_nonnull(line);
    return line + 1;
}

static struct library *start_restricted(void)
{
    struct redis_options options = {
        .lines = acl_line(), .user = "push", .password = "PASSWORD"};
    struct library *l = library_start(&options);

    return l;
}

static void free_context(void *context)
{
    redisFree(context);
}

static redisContext *administrator(struct library *l)
{
    redisContext *context = redisConnect("127.0.0.1", l->redis->port);

    ck_assert_ptr_nonnull(context);
    ck_assert_int_eq(context->err, 0);
    return keep(context, free_context);
}

static void administer(redisContext *context, const char *words)
{
    redisReply *reply = redisCommand(context, words);

    ck_assert_ptr_nonnull(reply);
    ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "%s: %s", words,
                  reply->str);
    freeReplyObject(reply);
}

START_TEST(the_users_rights_are_enough)
{
    struct library *l = start_restricted();
    const char *error = library_scenario(l);

    ck_assert_msg(error == NULL, "%s", error);
}
END_TEST

/* Each right, as it is taken away. */
static const char *without(const char *right)
{
    switch (right[0]) {
    case '+':
        return keep_printf("-%s", right + 1);
    case '~':
        return "resetkeys";
    case '&':
        return "resetchannels";
    default:
        return NULL;
    }
}

START_TEST(no_right_of_the_user_is_superfluous)
{
    struct library *l = start_restricted();
    redisContext *admin = administrator(l);
    char *line = keep_copy(acl_line(), strcspn(acl_line(), "\n"));
    const char *all = keep_printf("ACL SETUSER %s", line + strlen("user "));
    char *next = NULL;
    int rights = 0;

    for (char *right = strtok_r(line, " ", &next); right != NULL;
         right = strtok_r(NULL, " ", &next)) {
        const char *change = without(right);

        if (change == NULL) {
            continue;
        }
        rights++;
        administer(admin, all);
        administer(admin, keep_printf("ACL SETUSER push %s", change));
        administer(admin, "FLUSHALL");
        ck_assert_msg(library_scenario(l) != NULL, "%s is superfluous", right);
    }
    ck_assert_int_gt(rights, 20);
    administer(admin, all);
    administer(admin, "FLUSHALL");
    ck_assert_ptr_null(library_scenario(l));
}
END_TEST

START_TEST(a_redis_in_cluster_mode_runs_every_function)
{
    struct redis_options options = {.cluster = true};
    struct library *l = library_start(&options);
    const char *error;

    redis_call(l->redis, "CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until(strcmp(redis_info(l->redis, "cluster_state"), "ok") == 0);
    error = library_scenario(l);
    ck_assert_msg(error == NULL, "%s", error);
}
END_TEST

/* ---- declared keys, as MONITOR shows them ---- */

/* The n-th word of a line of MONITOR, as it stands between its quotes. */
static const char *word_of(const char *line, unsigned n)
{
    const char *at = strchr(line, '"');

    for (; at != NULL; n--) {
        const char *end = at + 1;

        while (*end != '"' || end[-1] == '\\') {
            end++;
        }
        if (n == 0) {
            return keep_copy(at + 1, (size_t)(end - at - 1));
        }
        at = strchr(end + 1, '"');
    }
    return "";
}

static bool is_declared(const char *call, const char *key)
{
    unsigned count = (unsigned)atoi(word_of(call, 2));

    for (unsigned i = 0; i < count; i++) {
        if (strcmp(word_of(call, 3 + i), key) == 0) {
            return true;
        }
    }
    return false;
}

START_TEST(every_key_that_a_function_touches_is_among_its_keys)
{
    struct library *l = library_start(NULL);
    redisContext *monitor = administrator(l);
    const char *call = NULL;
    int commands = 0;
    redisReply *reply;

    administer(monitor, "MONITOR");
    ck_assert_ptr_null(library_scenario(l));
    redis_call(l->redis, "ECHO end");
    while (redisGetReply(monitor, (void **)&reply) == REDIS_OK) {
        const char *line = keep_copy(reply->str, reply->len);
        const char *command = word_of(line, 0);

        freeReplyObject(reply);
        if (strcmp(command, "ECHO") == 0) {
            break;
        }
        if (strstr(line, "[0 lua]") == NULL) {
            call = line;
            continue;
        }
        if (strcmp(command, "TIME") != 0 && strcmp(command, "SPUBLISH") != 0) {
            commands++;
            ck_assert_msg(is_declared(call, word_of(line, 1)), "%s\n%s", call,
                          line);
        }
    }
    ck_assert_int_gt(commands, 300);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library rights");
    TCase *tc = case_add(suite, "rights", 120);

    tcase_add_test(tc, the_users_rights_are_enough);
    tcase_add_test(tc, no_right_of_the_user_is_superfluous);
    tcase_add_test(tc, a_redis_in_cluster_mode_runs_every_function);
    tcase_add_test(tc, every_key_that_a_function_touches_is_among_its_keys);
    return case_run(suite);
}
