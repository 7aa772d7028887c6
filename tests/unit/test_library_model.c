/*
 * Random calls, drawn from a seed, on a real Redis and on a model in C of the
 * rules: after each call both have answered the same and have the same.
 * PUSH_SEED=n draws others.
 */
#include "library_compare.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/later_calls.h"
#include "broker/library/tag_calls.h"
#include "harness/case.h"
#include "harness/keep.h"
#include "harness/library_model_part.h"

#define STEPS 320
#define KINDS 17u

struct random_run {
    struct library *library;
    struct model *model;
    int64_t now;
    uint64_t state; /* of the generator */
    uint64_t have[MODEL_OWNERS];
    push_vm_t vm[MODEL_OWNERS];
    uint64_t versions[MODEL_OWNERS][MODEL_LOGS];
    uint64_t ticks[16]; /* of the last messages */
    unsigned logs[16];  /* theirs */
    unsigned published;
    unsigned records;
    uint64_t laters[16]; /* ids of the last ones that were kept */
    unsigned kept;
    unsigned done[KINDS]; /* calls by kind */
};

/* Xorshift (Marsaglia 2003). */
static unsigned any(struct random_run *r, unsigned below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (unsigned)((r->state >> 20) % below);
}

static bool one_in(struct random_run *r, unsigned n)
{
    return any(r, n) == 0;
}

static const push_reply_t *ask(struct random_run *r, push_command_t *command)
{
    return library_send(r->library, command);
}

/* ---- time ---- */

/* Redis' own clock is a day behind: what is over goes by hand. */
static const char sweep[] =
    "for _, k in ipairs(redis.call('KEYS', '*')) do "
    "local t = redis.call('PEXPIRETIME', k) "
    "if t > 0 and t <= tonumber(ARGV[1]) then redis.call('DEL', k) end end";

static void move_clock(struct random_run *r)
{
    static const int64_t steps[] = {1,    1,     10,    1000,
                                    5000, 15000, 60000, 700000};

    r->now += steps[any(r, one_in(r, 4) ? 8 : 4)];
    library_set_clock(r->library, r->now);
    redis_call(r->library->redis, "EVAL %s 0 %lld", sweep, (long long)r->now);
    model_clock(r->model, r->now);
}

/* A VM begins with its first call. */
static void begin(struct random_run *r)
{
    push_hello_reply_t hello;
    push_command_t command;

    library_set_clock(r->library, r->now);
    push_library_hello(&command, &r->library->home);
    ck_assert(push_library_hello_reply(ask(r, &command), &hello));
    ck_assert_int_eq(hello.age, 0);
}

/* ---- messages ---- */

static struct model_publish draw_message(struct random_run *r)
{
    static const int64_t ttls[] = {0, 1000, 1000, 20000, 60000, 900000};
    static const unsigned rates[] = {0, 0, 0, 2, 10};
    struct model_publish p = {.log = any(r, MODEL_LOGS)};

    p.lane = any(r, 4);
    p.ttl = ttls[any(r, 6)];
    p.record = ++r->records;
    p.cap = 1 + any(r, 6);
    p.topic = one_in(r, 2) ? 1 + any(r, MODEL_TOPICS) : 0;
    p.device = p.log < 2 && one_in(r, 4) && !p.topic
                   ? 1 + any(r, MODEL_DEVICES)
                   : 0;
    p.key = one_in(r, 5) ? 1 + any(r, MODEL_KEYS) : 0;
    p.request = 1 + any(r, 2);
    p.window = ttls[1 + any(r, 5)];
    p.rate = p.log < 2 ? rates[any(r, 5)] : 0;
    return p;
}

static void publish(struct random_run *r)
{
    struct model_publish p = draw_message(r);
    struct model_published expected = model_publish(r->model, &p);
    push_publish_call_t call = {.home = r->library->home,
                                .log = compare_log(p.log),
                                .lane = p.lane,
                                .ttl = p.ttl,
                                .topic = compare_topic(p.topic),
                                .device = compare_device(p.device),
                                .record = compare_record(p.record),
                                .cap = p.cap,
                                .rate = p.rate,
                                .key = p.key ? compare_key(p.key) : NULL,
                                .request = p.request,
                                .window = p.window};
    push_publish_reply_t got = library_publish(r->library, &call);

    ck_assert_uint_eq(got.outcome, expected.outcome);
    ck_assert_uint_eq(got.tick, expected.tick);
    ck_assert_uint_eq(got.recipients, expected.recipients);
    ck_assert_uint_eq(got.connected, expected.connected);
    ck_assert_int_eq(got.later, expected.later);
    ck_assert_int_eq(got.now, r->now);
    ck_assert_uint_eq(got.rate.remaining, expected.remaining);
    ck_assert_int_eq(got.rate.wait, expected.wait_us * 1000);
    if (expected.outcome == PUSH_PUBLISHED_NEW) {
        r->ticks[r->published % 16] = got.tick;
        r->logs[r->published++ % 16] = p.log;
    }
}

static void recall(struct random_run *r)
{
    unsigned which = any(r, 16);
    bool found;

    if (r->model->recalls_count > MODEL_RECALLS - 2) {
        return;
    }
    found = model_recall(r->model, r->logs[which], r->ticks[which]);
    ck_assert_int_eq(library_recall(r->library, compare_log(r->logs[which]).at,
                                    r->ticks[which]),
                     found);
}

/* ---- what is kept for later ---- */

/* Sometimes whoever was given it dies, and sometimes says so twice. */
static void release(struct random_run *r, uint64_t id,
                    const struct model_later *later)
{
    struct model_publish p = {.log = later->log,
                              .lane = later->record % 4,
                              .cap = 3,
                              .topic = later->topic,
                              .record = later->record};
    push_publish_call_t call = {.home = r->library->home,
                                .log = compare_log(p.log),
                                .lane = p.lane,
                                .topic = compare_topic(p.topic),
                                .record = compare_record(p.record),
                                .cap = p.cap,
                                .kept = id};
    struct model_published expected = model_release(r->model, id, &p);
    push_publish_reply_t got = library_publish(r->library, &call);

    ck_assert_uint_eq(got.outcome, expected.outcome);
    ck_assert_uint_eq(got.tick, expected.tick);
    ck_assert_uint_eq(got.recipients, expected.recipients);
    ck_assert_uint_eq(got.connected, expected.connected);
}

static void release_due(struct random_run *r)
{
    unsigned owner = 1 + any(r, MODEL_OWNERS);
    push_due_call_t call = {r->library->home, compare_owner(owner), 100,
                            1 << 20};
    struct model_due expected;
    push_due_reply_t got;
    push_command_t command;
    const push_reply_t *reply;

    model_due(r->model, owner, &expected);
    push_library_due(&command, &call);
    reply = ask(r, &command);
    ck_assert(push_due_reply(reply, &got));
    ck_assert_uint_eq(got.looked, expected.looked);
    ck_assert_uint_eq(got.count, expected.count);
    for (unsigned i = 0; i < got.count; i++) {
        struct model_later later = *expected.list[i];
        push_kept_t kept;

        ck_assert(push_due_at(reply, i, &kept));
        ck_assert_uint_eq(kept.id, later.id);
        ck_assert(text_is(kept.record, compare_record(later.record).at));
        for (unsigned times = any(r, 3); times > 0; times--) {
            release(r, later.id, &later);
        }
    }
}

static void schedule(struct random_run *r)
{
    static const int64_t times[] = {1, 10, 1000, 5000, 60000, 700000};
    struct model_schedule s = {.log = any(r, MODEL_LOGS),
                               .ttl = times[any(r, 6)] - 1,
                               .after = times[any(r, 6)],
                               .window = times[any(r, 6)],
                               .record = ++r->records,
                               .topic = any(r, 3),
                               .key = one_in(r, 5) ? 1 + any(r, MODEL_KEYS)
                                                   : 0,
                               .request = 1 + any(r, 2)};
    push_schedule_call_t call = {.home = r->library->home,
                                 .log = compare_log(s.log),
                                 .topic = compare_topic(s.topic),
                                 .shown = TEXT("shown"),
                                 .record = compare_record(s.record),
                                 .ttl = s.ttl,
                                 .after = s.after,
                                 .window = s.window,
                                 .most = 1 << 20,
                                 .key = s.key ? compare_key(s.key) : NULL,
                                 .request = s.request};
    struct model_published expected;
    push_publish_reply_t got;
    push_command_t command;

    if (r->model->laters[MODEL_LATERS - 2].id != 0) {
        release_due(r);
        return;
    }
    expected = model_schedule(r->model, &s);
    push_library_schedule(&command, &call);
    ck_assert(push_publish_reply(ask(r, &command), &got));
    ck_assert_uint_eq(got.outcome, expected.outcome);
    ck_assert_uint_eq(got.tick, expected.tick);
    ck_assert_int_eq(got.later, expected.later);
    if (got.outcome == PUSH_PUBLISHED_NEW) {
        r->laters[r->kept++ % 16] = got.tick;
    }
}

static void unschedule(struct random_run *r)
{
    uint64_t id = r->laters[any(r, 16)];
    push_unschedule_call_t call = {.home = r->library->home, .id = id};
    push_unscheduled_t got;
    push_command_t command;

    if (id == 0) {
        return;
    }
    push_library_unschedule(&command, &call);
    ck_assert(push_unschedule_reply(ask(r, &command), &got));
    ck_assert_uint_eq(got, model_unschedule(r->model, id));
}

/* ---- following ---- */

static struct model_follow draw_follow(struct random_run *r, unsigned log)
{
    struct model_follow f = {.log = log, .owner = 1 + any(r, MODEL_OWNERS)};

    f.connected = any(r, 10);
    f.subscribers = any(r, 10);
    f.since = one_in(r, 3) ? 0 : r->versions[f.owner - 1][log];
    return f;
}

static push_following_t following_of(const struct model_follow *f)
{
    return (push_following_t){compare_log(f->log), f->connected,
                              f->subscribers, f->since, false};
}

static void compare_followed(struct random_run *r,
                             const struct model_follow *f,
                             const push_followed_t *got,
                             const struct model_followed *expected)
{
    ck_assert_uint_eq(got->version, expected->version);
    ck_assert_int_eq(got->whole, expected->whole);
    ck_assert(!got->more);
    compare_entries(got->entries, &expected->entries);
    r->versions[f->owner - 1][f->log] = got->version;
}

static void follow(struct random_run *r)
{
    struct model_follow f = draw_follow(r, any(r, MODEL_LOGS));
    struct model_followed *expected = keep(malloc(sizeof(*expected)), free);
    push_follow_call_t call = {r->library->home, compare_owner(f.owner),
                               following_of(&f), false};
    push_follow_reply_t got;
    push_command_t command;

    model_follow(r->model, &f, expected);
    push_library_follow(&command, &call);
    ck_assert(push_follow_reply(ask(r, &command), &got));
    compare_followed(r, &f, &got.followed, expected);
}

static void unfollow(struct random_run *r)
{
    unsigned log = any(r, MODEL_LOGS);
    unsigned owner = 1 + any(r, MODEL_OWNERS);
    push_unfollow_call_t call = {r->library->home, compare_owner(owner),
                                 compare_log(log)};
    push_command_t command;

    push_library_unfollow(&command, &call);
    ck_assert_int_eq(push_reply_integer(ask(r, &command)),
                     model_unfollow(r->model, log, owner));
}

static void drain_of(struct random_run *r, unsigned owner)
{
    struct model_drained *expected = keep(malloc(sizeof(*expected)), free);
    push_drain_call_t call = {r->library->home, compare_owner(owner),
                              r->vm[owner - 1].id, r->have[owner - 1]};
    push_drain_reply_t got;
    push_command_t command;

    push_library_drain(&command, &call);
    ck_assert(push_drain_reply(ask(r, &command), &got));
    if (strcmp(got.origin.vm.id, r->vm[owner - 1].id) != 0) {
        r->have[owner - 1] = 0;
        r->vm[owner - 1] = got.origin.vm;
    }
    model_drain(r->model, owner, r->have[owner - 1], expected);
    ck_assert_int_eq(got.lost, expected->lost);
    ck_assert_uint_eq(got.first, expected->first);
    ck_assert_uint_eq(got.last, expected->last);
    compare_entries(got.entries, &expected->entries);
    if (!one_in(r, 4)) { /* else the answer was lost */
        r->have[owner - 1] = got.last;
    }
}

static void drain(struct random_run *r)
{
    drain_of(r, 1 + any(r, MODEL_OWNERS));
}

static void load(struct random_run *r)
{
    if (one_in(r, 8)) {
        redisReply *library = redis_call(r->library->redis,
                                         "FUNCTION LIST WITHCODE");
        const redisReply *one = library->element[0];

        redis_call(r->library->redis, "FUNCTION LOAD REPLACE %s",
                   one->element[one->elements - 1]->str);
        begin(r);
        model_load(r->model);
    }
}

/* ---- what the server subscribes users to ---- */

static uint64_t tick(struct random_run *r)
{
    push_command_t command;
    uint64_t expected = model_tick(r->model);

    push_library_tick(&command, &r->library->home);
    ck_assert_uint_eq(push_tick_reply(ask(r, &command)), expected);
    return expected;
}

static void tag(struct random_run *r)
{
    struct model_tagging t = {.log = any(r, 2),
                              .channel = 1 + any(r, MODEL_TAGS),
                              .subscribe = one_in(r, 2),
                              .most = 1 + any(r, MODEL_TAGS)};
    push_tag_call_t call = {.home = r->library->home,
                            .log = compare_log(t.log),
                            .channel = compare_tag(t.channel),
                            .subscribe = t.subscribe,
                            .most = t.most};
    push_tagged_t got;
    push_command_t command;

    t.since = call.since = t.subscribe ? tick(r) : 0;
    push_library_tag(&command, &call);
    ck_assert(push_tag_reply(ask(r, &command), &got));
    ck_assert_uint_eq(got, model_tag(r->model, &t));
}

/* ---- devices ---- */

static void claim(struct random_run *r)
{
    struct model_claim c = {.follow = draw_follow(r, any(r, 2)),
                            .device = any(r, MODEL_DEVICES)};
    struct model_claimed *expected = keep(malloc(sizeof(*expected)), free);
    push_claim_call_t call = {.following = following_of(&c.follow)};
    push_claim_reply_t got;

    c.keep = one_in(r, 2) ? 3600000 : 10000;
    c.force = one_in(r, 3);
    c.known = one_in(r, 4);
    c.max_devices = 2 + any(r, 3);
    c.max_streams = any(r, 4);
    model_claim(r->model, &c, expected);
    call.device = (push_device_call_t){r->library->home,
                                       compare_log(c.follow.log),
                                       compare_context(c.device),
                                       compare_owner(c.follow.owner),
                                       0,
                                       c.keep};
    call.force = c.force;
    call.known = c.known;
    call.id = compare_device(c.device + 1);
    call.max_devices = c.max_devices;
    call.max_streams = c.max_streams;
    got = library_claim(r->library, &call);
    ck_assert_uint_eq(got.outcome, expected->outcome);
    if (expected->outcome >= PUSH_CLAIMED_GONE) {
        return;
    }
    ck_assert_uint_eq(got.fence, expected->fence);
    ck_assert_int_eq(got.exact, expected->exact);
    ck_assert_uint_eq(got.owner, compare_owner(expected->owner));
    ck_assert(text_is(got.record, compare_record(expected->record).at));
    ck_assert(text_is(got.session, compare_session(expected->session).at));
    compare_followed(r, &c.follow, &got.followed, &expected->followed);
}

/* Mostly as the owner would. */
static struct model_write draw_write(struct random_run *r)
{
    struct model_write w = {.log = any(r, 2), .device = any(r, MODEL_DEVICES)};
    const struct model_device *d = &r->model->logs[w.log].devices[w.device];

    w.owner = one_in(r, 8) ? any(r, MODEL_OWNERS + 1) : d->owner;
    w.fence = one_in(r, 8) ? any(r, 4) : d->fence;
    w.keep = one_in(r, 2) ? 3600000 : 10000;
    w.online = one_in(r, 2);
    w.to = any(r, MODEL_OWNERS + 1);
    w.absent = one_in(r, 4);
    w.exact = !one_in(r, 3);
    w.record = one_in(r, 8) ? 0 : ++r->records;
    w.session = one_in(r, 8) || !w.exact ? 0 : ++r->records;
    return w;
}

static push_device_call_t device_of(struct random_run *r,
                                    const struct model_write *w)
{
    return (push_device_call_t){r->library->home,
                                compare_log(w->log),
                                compare_context(w->device),
                                compare_owner(w->owner),
                                w->fence,
                                w->keep};
}

static void compare_wrote(push_save_reply_t got, struct model_wrote expected)
{
    ck_assert_uint_eq(got.outcome, expected.outcome);
    ck_assert_uint_eq(got.owner, compare_owner(expected.owner));
    ck_assert_uint_eq(got.fence, expected.fence);
}

static void save(struct random_run *r)
{
    struct model_write w = draw_write(r);
    push_save_call_t call = {device_of(r, &w), w.online,
                             compare_record(w.record)};

    compare_wrote(library_save(r->library, &call), model_save(r->model, &w));
}

static void yield_device(struct random_run *r)
{
    struct model_write w = draw_write(r);
    push_yield_call_t call = {device_of(r, &w),
                              compare_owner(w.to),
                              w.absent,
                              w.exact,
                              compare_record(w.record),
                              compare_session(w.session),
                              false};

    compare_wrote(library_yield(r->library, &call), model_yield(r->model, &w));
}

/* ---- the run ---- */

static void step(struct random_run *r)
{
    static void (*const kinds[])(struct random_run *) = {
        publish,  publish,  publish,     recall,       follow, unfollow,
        drain,    claim,    save,        yield_device, load,   move_clock,
        schedule, schedule, release_due, unschedule,   tag};
    unsigned kind = any(r, KINDS);

    r->done[kind]++;
    kinds[kind](r);
    for (unsigned owner = 1; owner <= MODEL_OWNERS; owner++) {
        if (r->model->inboxes[owner - 1].queue.count > MODEL_QUEUE - 100) {
            drain_of(r, owner);
        }
    }
    compare_state(r->library, r->model);
}

START_TEST(random_calls_do_what_the_rules_say)
{
    const char *seed = getenv("PUSH_SEED");
    struct random_run *r = keep(calloc(1, sizeof(*r)), free);

    r->state = (seed != NULL ? strtoull(seed, NULL, 10) : 1) * 1000003
               + (unsigned)_i;
    r->library = library_start_clock(&r->now);
    begin(r);
    r->model = model_create(r->now);
    for (unsigned i = 0; i < STEPS; i++) {
        step(r);
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        ck_assert_uint_gt(r->done[kind], STEPS / 40);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library model");
    TCase *tc = case_add(suite, "random", 120);

    tcase_add_loop_test(tc, random_calls_do_what_the_rules_say, 0, 8);
    return case_run(suite);
}
