/*
 * The client against real redis-servers: TLS and users, a library, a cluster
 * whose master dies or whose slots move, and wakes.
 */
#include "redis_fixture.h"

#include "redis.h"
#include "rediscluster.h"
#include "redis/wakes.h"

static const char library[] =
    "#!lua name=push\n"
    "redis.register_function('add', function(keys, args) "
    "return redis.call('INCRBY', keys[1], args[1]) end)\n";

static void fill_real(void *data, push_command_t *command)
{
    (void)data;
    push_command_string(command, "FUNCTION");
    push_command_string(command, "LOAD");
    push_command_string(command, library);
}

static void end_courier(void *data)
{
    push_courier_stop(data);
}

static push_redis_settings_t *settings_of(const char *urls)
{
    push_redis_settings_t *settings = calloc(1, sizeof(*settings));
    char *copy = keep_copy(urls, strlen(urls));
    char *state = NULL;
    char why[PUSH_REDIS_WHY] = "";

    for (char *url = strtok_r(copy, " ", &state); url != NULL;
         url = strtok_r(NULL, " ", &state)) {
        ck_assert_msg(push_redis_settings_add(settings, url, why), "%s", why);
    }
    return keep(settings, free);
}

static push_courier_t *courier_of(const char *urls)
{
    const push_client_hooks_t hooks = {.library = fill_real};
    push_courier_t *courier = push_courier_start(settings_of(urls), &hooks);

    ck_assert_ptr_nonnull(courier);
    return keep(courier, end_courier);
}

/* FCALL add 1 {tag}NAME 1 in a partition; what it says, or -1. */
static int64_t add_in(push_courier_t *courier, unsigned partition,
                      push_failure_t *failure)
{
    push_request_t request;
    int64_t sum;

    push_request_init(&request, partition);
    push_command_string(&request.command, "FCALL");
    push_command_string(&request.command, "add");
    push_command_string(&request.command, "1");
    push_command_string(&request.command,
                        keep_printf("{%s}n", push_partition_tag(partition)));
    push_command_string(&request.command, "1");
    *failure = push_courier_call(courier, &request);
    sum = *failure == PUSH_FAILURE_NONE ? push_reply_integer(request.reply)
                                        : -1;
    push_request_cleanup(&request);
    return sum;
}

/* ---- one server ---- */

START_TEST(a_real_redis_gets_the_library_and_runs_it)
{
    struct redis *r = redis_start(NULL);
    push_courier_t *courier = courier_of(redis_url(r));
    push_failure_t failure;

    ck_assert_int_eq(add_in(courier, 5, &failure), 1);
    ck_assert_int_eq(add_in(courier, 5, &failure), 2);
    redis_call(r, "FUNCTION FLUSH");
    ck_assert_int_eq(add_in(courier, 5, &failure), 3);
}
END_TEST

START_TEST(a_unix_socket_is_as_good)
{
    struct redis_options o = {.lines = "unixsocket redis.sock\n"};
    struct redis *r = redis_start(&o);
    push_courier_t *courier = courier_of(
        keep_printf("unix://%s/redis.sock", r->root));
    push_failure_t failure;

    ck_assert_int_eq(add_in(courier, 0, &failure), 1);
}
END_TEST

START_TEST(a_full_redis_refuses_before_anything_changed)
{
    struct redis_options o = {.lines = "maxmemory 100mb\n"};
    struct redis *r = redis_start(&o);
    push_courier_t *courier = courier_of(redis_url(r));
    push_failure_t failure;

    ck_assert_int_eq(add_in(courier, 0, &failure), 1);
    redis_call(r, "CONFIG SET maxmemory 1");
    ck_assert_int_eq(add_in(courier, 0, &failure), -1);
    ck_assert_int_eq(failure, PUSH_FAILURE_FULL);
    redis_call(r, "CONFIG SET maxmemory 0");
    ck_assert_int_eq(add_in(courier, 0, &failure), 2);
}
END_TEST

/* ---- TLS and users ---- */

static const char users[] =
    "user default off\nuser admin on >secret ~* &* +@all\n"
    "user push on >pw ~* &* +fcall +function|load +ssubscribe "
    "+sunsubscribe +wait +ping +role +cluster|slots +config|get +incrby\n"
    "user less on >pw ~* &* +ping +role +cluster|slots\n";

static push_redis_tls_t *tls_of(const char *ca, const char *cert,
                                const char *key)
{
    const push_redis_tls_files_t files = {ca, cert, key};
    char why[PUSH_REDIS_WHY] = "";
    push_redis_tls_t *tls = push_redis_tls_create(&files, why);

    ck_assert_msg(tls != NULL, "%s", why);
    return keep(tls, (void (*)(void *))push_redis_tls_destroy);
}

static fixture_t *start_tls(const char *url, push_redis_tls_t *tls)
{
    push_redis_settings_t settings = {.tls = tls};
    char why[PUSH_REDIS_WHY] = "";

    ck_assert_msg(push_redis_settings_add(&settings, url, why), "%s", why);
    return start_with(&settings);
}

START_TEST(a_server_with_tls_is_spoken_to_as_a_user)
{
    struct redis_options o = {
        .tls = true, .lines = users, .user = "admin", .password = "secret"};
    struct redis *r = redis_start(&o);
    fixture_t *f = start_tls(
        keep_printf("rediss://push:pw@localhost:%d", r->tls_port),
        tls_of(redis_ca(r), redis_client_certificate(r), redis_client_key(r)));
    push_request_t *request = request_of("PING");
    char *big = keep(malloc(300000), free);

    memset(big, 'x', 300000);
    push_command_text(&request->command, (push_text_t){big, 300000});
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_NONE);
    ck_assert_uint_eq(push_reply_text(request->reply).len, 300000);
    ck_assert_int_eq(call(f, "INCRBY a 1")->failure, PUSH_FAILURE_NONE);
    ck_assert_int_eq(call(f, "SET a 1")->failure, PUSH_FAILURE_SETUP);
    ck_assert(report_has(f, "no permissions"));
}
END_TEST

START_TEST(a_certificate_that_nobody_vouches_for_is_refused)
{
    struct redis_options o = {.tls = true};
    struct redis *r = redis_start(&o);
    struct redis *other = redis_start(&o);
    fixture_t *f = start_tls(keep_printf("rediss://127.0.0.1:%d", r->tls_port),
                             tls_of(redis_ca(other), NULL, NULL));

    ck_assert_int_eq(call(f, "PING")->failure, PUSH_FAILURE_AWAY);
    wait_until(reported(f) == PUSH_FAILURE_SETUP);
    ck_assert(report_has(f, "TLS failed: "));
}
END_TEST

START_TEST(a_certificate_of_another_name_is_refused)
{
    struct redis_options o = {.tls = true};
    struct redis *r = redis_start(&o);
    fixture_t *f;

    redis_call(r, "CONFIG SET bind %s", "127.0.0.1 127.0.0.2");
    f = start_tls(keep_printf("rediss://127.0.0.2:%d", r->tls_port),
                  tls_of(redis_ca(r), NULL, NULL));
    wait_until(reported(f) == PUSH_FAILURE_SETUP);
    ck_assert(report_has(f, "IP address mismatch"));
}
END_TEST

START_TEST(a_client_without_the_certificate_that_is_needed_is_told_so)
{
    struct redis_options o = {.tls = true};
    struct redis *r = redis_start(&o);
    fixture_t *f;

    redis_call(r, "CONFIG SET tls-auth-clients yes");
    f = start_tls(keep_printf("rediss://127.0.0.1:%d", r->tls_port),
                  tls_of(redis_ca(r), NULL, NULL));
    wait_until(reported(f) == PUSH_FAILURE_SETUP);
    ck_assert(report_has(f, "certificate required"));
    f = start_tls(keep_printf("rediss://127.0.0.1:%d", r->tls_port),
                  tls_of(redis_ca(r), redis_client_certificate(r),
                         redis_client_key(r)));
    ck_assert_int_eq(call(f, "PING")->failure, PUSH_FAILURE_NONE);
}
END_TEST

START_TEST(files_that_are_no_certificates_are_named)
{
    static const struct {
        push_redis_tls_files_t files;
        const char *says;
    } rows[] = {
        {{"/nowhere.pem", NULL, NULL}, "ca cannot be read: /nowhere.pem"},
        {{NULL, "/nowhere.pem", "/x"}, "cert cannot be read: /nowhere.pem"},
        {{NULL, "/nowhere.pem", NULL}, "cert= needs key="},
        {{NULL, NULL, "/nowhere.pem"}, "key= needs cert="},
    };
    char why[PUSH_REDIS_WHY];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ck_assert_ptr_null(push_redis_tls_create(&rows[i].files, why));
        ck_assert_msg(strstr(why, rows[i].says), "%s", why);
    }
}
END_TEST

static const struct {
    const char *user, *says;
} strangers[] = {
    {"push:wrong@", "WRONGPASS"},
    {"", "NOAUTH"},
    {"nobody:pw@", "WRONGPASS"},
};

START_TEST(a_user_that_redis_does_not_take_is_reported)
{
    struct redis_options o = {
        .lines = users, .user = "admin", .password = "secret"};
    struct redis *r = redis_start(&o);
    fixture_t *f = start_at(
        keep_printf("redis://%s127.0.0.1:%d", strangers[_i].user, r->port));

    wait_until(reported(f) == PUSH_FAILURE_SETUP);
    ck_assert(report_has(f, strangers[_i].says));
    ck_assert_int_eq(call(f, "PING")->failure, PUSH_FAILURE_AWAY);
}
END_TEST

START_TEST(a_right_that_is_missing_is_reported)
{
    struct redis_options o = {
        .lines = users, .user = "admin", .password = "secret"};
    struct redis *r = redis_start(&o);
    fixture_t *f = start_at(
        keep_printf("redis://less:pw@127.0.0.1:%d", r->port));

    ck_assert_int_eq(call(f, "FCALL add 1 a 1")->failure, PUSH_FAILURE_SETUP);
    ck_assert_int_eq(reported(f), PUSH_FAILURE_SETUP);
    ck_assert(report_has(f, "fcall"));
}
END_TEST

/* ---- a cluster ---- */

START_TEST(each_partition_is_where_redis_has_it)
{
    struct redis_cluster *c = redis_cluster_start(3, 0, NULL);
    push_courier_t *courier = courier_of(redis_cluster_urls(c));
    push_client_figures_t figures_now;
    push_failure_t failure;

    for (unsigned i = 0; i < PUSH_PARTITIONS; i += 11) {
        ck_assert_int_eq(add_in(courier, i, &failure), 1);
    }
    push_courier_figures(courier, &figures_now);
    ck_assert_uint_eq(figures_now.masters, 3);
    ck_assert_uint_eq(figures_now.failures[PUSH_FAILURE_NONE],
                      figures_now.commands);
}
END_TEST

START_TEST(slots_that_move_are_followed_without_an_error)
{
    struct redis_cluster *c = redis_cluster_start(2, 0, NULL);
    push_courier_t *courier = courier_of(redis_cluster_urls(c));
    push_failure_t failure;

    for (unsigned i = 0; i < 20; i++) {
        ck_assert_int_eq(add_in(courier, i, &failure), 1);
    }
    redis_cluster_move(c, 0, 20 * 16, c->servers[1]);
    for (unsigned i = 0; i < 20; i++) {
        ck_assert_int_eq(add_in(courier, i, &failure), 2);
    }
    wait_until(push_courier_master(courier, 19)
               == push_courier_master(courier, 1023));
}
END_TEST

START_TEST(a_slot_on_its_way_answers_from_both_ends)
{
    struct redis_cluster *c = redis_cluster_start(2, 0, NULL);
    push_courier_t *courier = courier_of(redis_cluster_urls(c));
    const char *from, *to;
    push_failure_t failure;

    ck_assert_int_eq(add_in(courier, 0, &failure), 1);
    from = keep_printf("%s", redis_call(c->servers[0], "CLUSTER MYID")->str);
    to = keep_printf("%s", redis_call(c->servers[1], "CLUSTER MYID")->str);
    redis_call(c->servers[1], "CLUSTER SETSLOT 8 IMPORTING %s", from);
    redis_call(c->servers[0], "CLUSTER SETSLOT 8 MIGRATING %s", to);
    ck_assert_int_eq(add_in(courier, 0, &failure), 2);
    redis_call(c->servers[0], "MIGRATE 127.0.0.1 %d {%s}n 0 1000",
               c->servers[1]->port, push_partition_tag(0));
    ck_assert_int_eq(add_in(courier, 0, &failure), 3);
    ck_assert_int_eq(add_in(courier, 0, &failure), 4);
    ck_assert_int_eq(
        redis_call(c->servers[1], "CLUSTER COUNTKEYSINSLOT 8")->integer, 1);
}
END_TEST

START_TEST(a_master_that_dies_is_replaced_by_its_replica)
{
    struct redis_cluster *c = redis_cluster_start(3, 1, NULL);
    push_courier_t *courier = courier_of(redis_cluster_urls(c));
    push_failure_t failure;
    int64_t before, took;

    ck_assert_int_eq(add_in(courier, 0, &failure), 1);
    before = wait_now();
    redis_kill(redis_cluster_master_of(c, 8));
    wait_until(add_in(courier, 0, &failure) > 0);
    took = wait_now() - before;
    ck_assert_msg(took < 10000, "%lld ms", (long long)took);
    ck_assert_int_gt(add_in(courier, 1023, &failure), 0);
}
END_TEST

START_TEST(a_master_that_stands_still_is_left_for_good)
{
    struct redis_cluster *c = redis_cluster_start(3, 1, NULL);
    push_courier_t *courier = courier_of(redis_cluster_urls(c));
    struct redis *old = redis_cluster_master_of(c, 8);
    push_client_figures_t figures_now;
    push_failure_t failure;
    int64_t before, sum;

    ck_assert_int_eq(add_in(courier, 0, &failure), 1);
    redis_pause(old);
    before = wait_now();
    ck_assert_int_eq(add_in(courier, 0, &failure), -1);
    ck_assert_int_eq(failure, PUSH_FAILURE_UNKNOWN);
    ck_assert_int_lt(wait_now(), before + 3000);
    wait_until(add_in(courier, 0, &failure) > 0);
    sum = add_in(courier, 0, &failure);
    ck_assert_int_gt(sum, 1);
    redis_continue(old);
    wait_until(redis_cluster_is_well(c));
    for (int i = 1; i <= 50; i++) {
        ck_assert_int_eq(add_in(courier, 0, &failure), sum + i);
    }
    push_courier_figures(courier, &figures_now);
    ck_assert_uint_eq(figures_now.masters, 3);
}
END_TEST

START_TEST(replicas_have_what_they_were_asked_to_have)
{
    struct redis_cluster *c = redis_cluster_start(3, 1, NULL);
    push_courier_t *courier = courier_of(redis_cluster_urls(c));
    push_request_t *request = request_of(
        keep_printf("INCRBY {%s}n 1", push_partition_tag(0)));

    request->replicas = 1;
    ck_assert_int_eq(push_courier_call(courier, request), PUSH_FAILURE_NONE);
    ck_assert_uint_eq(request->replicated, 1);
    request = request_of(keep_printf("INCRBY {%s}n 1", push_partition_tag(0)));
    request->replicas = 2;
    ck_assert_int_eq(push_courier_call(courier, request),
                     PUSH_FAILURE_REPLICAS);
    ck_assert_uint_eq(request->replicated, 1);
    ck_assert_int_eq(push_reply_integer(request->reply), 2);
}
END_TEST

/* ---- wakes ---- */

typedef struct {
    push_wakes_t *wakes;
    push_client_t *client;
    unsigned woken, subscribed, lost, moved;
} listener_t;

static void on_woken(void *data, unsigned master)
{
    (void)master;
    ((listener_t *)data)->woken++;
}

static void on_subscribed(void *data, unsigned master)
{
    (void)master;
    ((listener_t *)data)->subscribed++;
}

static void on_lost(void *data, unsigned master, const char *why)
{
    (void)master;
    (void)why;
    ((listener_t *)data)->lost++;
}

static void on_moved(void *data, unsigned master, unsigned partition)
{
    listener_t *l = data;

    (void)master;
    (void)partition;
    l->moved++;
    push_client_renew(l->client);
}

static void end_listener(void *data)
{
    listener_t *l = data;

    push_wakes_destroy(l->wakes);
    push_client_destroy(l->client);
    free(l);
}

static listener_t *listen_at(const char *urls)
{
    listener_t *l = calloc(1, sizeof(*l));
    const push_client_hooks_t hooks = {.data = NULL};
    const push_wakes_options_t options = {settings_of(urls),
                                          "p:",
                                          77,
                                          {l, on_woken, on_subscribed, on_lost,
                                           on_moved}};

    l->client = push_client_create(options.settings, &hooks);
    l->wakes = push_wakes_create(&options);
    return keep(l, end_listener);
}

/* One turn of a thread that has a client and wakes. */
static bool turn(listener_t *l)
{
    struct pollfd fds[PUSH_CLIENT_FDS + PUSH_WAKES_FDS];
    unsigned count = push_client_pollfds(l->client, fds);
    unsigned more = push_wakes_pollfds(l->wakes, fds + count);
    int64_t until = push_client_until(l->client);
    int64_t left;

    until = push_wakes_until(l->wakes) < until ? push_wakes_until(l->wakes)
                                               : until;
    left = until - push_redis_now();
    poll(fds, count + more, left < 0 ? 0 : left > 50 ? 50 : (int)left);
    push_client_serve(l->client, fds, count);
    push_wakes_follow(l->wakes, push_client_slots(l->client));
    push_wakes_serve(l->wakes, fds + count, more);
    return true;
}

START_TEST(a_wake_of_each_partition_is_heard_on_a_single_redis)
{
    struct redis *r = redis_start(NULL);
    listener_t *l = listen_at(redis_url(r));

    wait_until(turn(l) && l->subscribed == 1);
    for (unsigned i = 0; i < PUSH_PARTITIONS; i += 93) {
        ck_assert_int_eq(redis_call(r, "SPUBLISH p:{%s}>77 %s",
                                    push_partition_tag(i), "")
                             ->integer,
                         1);
    }
    wait_until(turn(l) && l->woken == 12);
    ck_assert_int_eq(
        redis_call(r, "SPUBLISH p:{%s}>78 x", push_partition_tag(0))->integer,
        0);
    redis_call(r, "CLIENT KILL TYPE pubsub");
    wait_until(turn(l) && l->lost == 1 && l->subscribed == 2);
    redis_call(r, "SPUBLISH p:{%s}>77 %s", push_partition_tag(0), "");
    wait_until(turn(l) && l->woken == 13);
}
END_TEST

START_TEST(a_partition_that_moves_is_subscribed_where_it_goes)
{
    struct redis_cluster *c = redis_cluster_start(2, 0, NULL);
    listener_t *l = listen_at(redis_cluster_urls(c));

    wait_until(turn(l) && l->subscribed == 2);
    redis_cluster_move(c, 0, 20, c->servers[1]);
    wait_until(turn(l)
               && redis_call(c->servers[1], "SPUBLISH p:{%s}>77 %s",
                             push_partition_tag(0), "")
                          ->integer
                      == 1);
    wait_until(turn(l) && l->woken > 0);
    ck_assert_uint_gt(l->moved, 0);
    ck_assert_uint_gt(l->subscribed, 2);
    ck_assert_uint_eq(l->lost, 0);
}
END_TEST

START_TEST(channels_that_may_not_be_subscribed_are_reported)
{
    struct redis_options o = {
        .lines = "user default on nopass ~* +@all &other*\n"};
    struct redis *r = redis_start(&o);
    listener_t *l = listen_at(redis_url(r));

    wait_until(turn(l) && l->lost > 0);
    ck_assert_uint_eq(l->subscribed, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_real");
    TCase *tc = case_add(suite, "one", 60);

    tcase_add_test(tc, a_real_redis_gets_the_library_and_runs_it);
    tcase_add_test(tc, a_unix_socket_is_as_good);
    tcase_add_test(tc, a_full_redis_refuses_before_anything_changed);
    tc = case_add(suite, "tls", 60);
    tcase_add_test(tc, a_server_with_tls_is_spoken_to_as_a_user);
    tcase_add_test(tc, a_certificate_that_nobody_vouches_for_is_refused);
    tcase_add_test(tc, a_certificate_of_another_name_is_refused);
    tcase_add_test(tc,
                   a_client_without_the_certificate_that_is_needed_is_told_so);
    tcase_add_test(tc, files_that_are_no_certificates_are_named);
    tcase_add_row_test(tc, a_user_that_redis_does_not_take_is_reported,
                       strangers);
    tcase_add_test(tc, a_right_that_is_missing_is_reported);
    tc = case_add(suite, "cluster", 120);
    tcase_add_test(tc, each_partition_is_where_redis_has_it);
    tcase_add_test(tc, slots_that_move_are_followed_without_an_error);
    tcase_add_test(tc, a_slot_on_its_way_answers_from_both_ends);
    tcase_add_test(tc, a_master_that_dies_is_replaced_by_its_replica);
    tcase_add_test(tc, a_master_that_stands_still_is_left_for_good);
    tcase_add_test(tc, replicas_have_what_they_were_asked_to_have);
    tc = case_add(suite, "wakes", 120);
    tcase_add_test(tc, a_wake_of_each_partition_is_heard_on_a_single_redis);
    tcase_add_test(tc, a_partition_that_moves_is_subscribed_where_it_goes);
    tcase_add_test(tc, channels_that_may_not_be_subscribed_are_reported);
    return case_run(suite);
}
