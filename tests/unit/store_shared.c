#include "store_shared.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core_world.h"
#include "store/ops/ack.h"
#include "store/ops/keys.h"
#include "store/ops/view.h"
#include "store/shm/clock.h"

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

void fixture_init(fixture_t *g, size_t size)
{
    static const push_limits_t limits = {.max_pending = 1000,
                                         .history = 1000,
                                         .retention = 1800000,
                                         .idempotency = 300000};
    push_mapping_t mapping = {.size = size, .seats = FIXTURE_SEATS};

    memset(g, 0, sizeof(*g));
    g->size = size;
    g->base = shared_memory(size);
    for (int i = 0; i < FIXTURE_SEATS; i++) {
        g->events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        ck_assert_int_ge(g->events[i], 0);
    }
    mapping.base = g->base;
    mapping.events = g->events;
    ck_assert(push_store_create(&g->store, &mapping, &limits));
    ck_assert_int_eq(push_seat_claim(&g->store.seats, (uint32_t)getpid()), 0);
    g->now = push_clock_now();
}

void fixture_cleanup(fixture_t *g)
{
    for (int i = 0; i < FIXTURE_SEATS; i++) {
        close(g->events[i]);
    }
    munmap(g->base, g->size);
}

/* ---- processes ---- */

pid_t child_start(int (*work)(void *data), void *data)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (!pid) {
        _exit(work(data));
    }
    return pid;
}

void child_expect(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status),
                  "a child ended with status %x", status);
}

void child_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

void child_fails(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: in a child: %s\n", file, line, what);
    _exit(1);
}

/* ---- the store ---- */

push_text_t named(const char *text)
{
    return words(text);
}

push_status_t store_publish(push_store_t *store,
                            const push_audience_t *audience,
                            const push_message_spec_t *spec,
                            const push_time_t *now, push_receipt_t *receipt)
{
    const push_publication_t publication = {
        .audience = *audience, .spec = *spec, .now = *now};
    push_answer_t answer = {0};
    push_status_t status = push_store_publish(store, &publication, NULL,
                                              &answer);

    *receipt = answer.receipt;
    return status;
}

push_claim_t claim_of(const push_store_t *store, const char *key,
                      uint64_t request)
{
    const push_publication_t publication = {.audience = {.kind = PUSH_LOG_USER,
                                                         .name = named("u")},
                                            .key = named(key)};
    push_claim_t claim;

    push_store_key_name(store, &publication, &claim);
    claim.request = request;
    return claim;
}

push_status_t fixture_publish(fixture_t *g, push_log_kind_t kind,
                              const char *name, const char *text,
                              push_urgency_t urgency)
{
    push_audience_t audience = {.kind = kind, .name = named(name)};
    push_message_spec_t d = spec_urgent(text, urgency);

    return store_publish(&g->store, &audience, &d, &g->now, &g->receipt);
}

static push_status_t checkin(fixture_t *g, push_checkin_t *c,
                             const char *device, push_stream_ref_t *stream_ref)
{
    c->labels[PUSH_LABEL_DEVICE] = named(device);
    c->explicit_acks = true;
    c->traced = g->traced;
    c->lowest = PUSH_VERY_LOW;
    c->max_in_flight = 1024;
    c->max_streams = 16;
    c->max_devices = 64;
    c->max_subscriptions = 4096;
    return push_store_checkin(&g->store, c, &g->now, stream_ref);
}

push_status_t fixture_checkin(fixture_t *g, const char *user,
                              const char *device, const char *channel,
                              push_stream_ref_t *stream_ref)
{
    push_text_t name = named(channel);
    push_checkin_t c = {.user = named(user),
                        .channels = &name,
                        .channels_count = channel != NULL};

    return checkin(g, &c, device, stream_ref);
}

push_status_t fixture_resume(fixture_t *g, const char *user,
                             const char *device, const push_cursor_t *at,
                             push_stream_ref_t *stream_ref)
{
    push_checkin_t c = {.user = named(user), .cursor = at};

    return checkin(g, &c, device, stream_ref);
}

push_status_t fixture_checkin_late(fixture_t *g, const char *user,
                                   const char *device, uint32_t waited,
                                   push_stream_ref_t *stream_ref)
{
    push_checkin_t c = {.user = named(user), .waited = waited};

    return checkin(g, &c, device, stream_ref);
}

push_status_t fixture_checkin_if_away(fixture_t *g, const char *user,
                                      const char *device,
                                      push_stream_ref_t *stream_ref)
{
    push_checkin_t c = {.user = named(user), .if_away = true};

    return checkin(g, &c, device, stream_ref);
}

static void add(fixture_t *g, const char *more)
{
    size_t len = strlen(g->text);

    snprintf(g->text + len, sizeof(g->text) - len, "%s%s", len ? " " : "",
             more);
}

static void add_delivery(fixture_t *g)
{
    const push_delivery_t *delivery = &g->delivery;
    char text[300];

    for (unsigned i = 0; i < delivery->gaps_count; i++) {
        snprintf(text, sizeof(text), "!%s:%u",
                 push_urgency_name(delivery->gaps[i].urgency),
                 delivery->gaps[i].dropped);
        add(g, text);
    }
    for (unsigned i = 0; i < delivery->count; i++) {
        push_text_t data = world_payload(delivery->picks[i].message);

        snprintf(text, sizeof(text), "%lu=%.*s",
                 (unsigned long)delivery->picks[i].seq,
                 (int)(data.len > 200 ? 1 : data.len), data.at);
        add(g, text);
    }
}

const char *fixture_flush(fixture_t *g, const push_stream_ref_t *stream_ref)
{
    push_seat_t *seat = &g->store.seats.seats[0];
    push_status_t status;

    g->text[0] = '\0';
    push_epoch_enter(&g->store.epoch, seat);
    status = push_delivery_begin(&g->store, stream_ref, &g->now, &g->delivery);
    if (status == PUSH_OK) {
        add_delivery(g);
    }
    push_epoch_leave(seat);
    return status == PUSH_OK ? g->text : NULL;
}

push_status_t fixture_ack(fixture_t *g, const char *user,
                          const push_stream_ref_t *stream_ref, uint64_t seq)
{
    push_cursor_t at = cursor(seq);

    return push_store_ack(&g->store, named(user), stream_ref->id, &at,
                          &g->now);
}

uint64_t fixture_count(const fixture_t *g, push_total_t what)
{
    uint64_t sums[PUSH_COUNTS];

    push_store_counts(&g->store, sums);
    return push_total_of(sums, what);
}

void fixture_written(fixture_t *g, const push_stream_ref_t *stream_ref,
                     unsigned seat, unsigned messages, uint64_t seq)
{
    const push_written_t written = {
        .counts = &g->store.seats.seats[seat].counts,
        .at = g->now,
        .sums.messages[PUSH_NORMAL] = messages,
        .seq = seq};

    push_delivery_written(&g->store, stream_ref, &written);
}

void fixture_pass(fixture_t *g, int64_t ms)
{
    g->now.mono += ms;
    g->now.wall += ms;
}

void fixture_happens(fixture_t *g, unsigned class, push_tally_kind_t what,
                     uint32_t more)
{
    static const push_count_t cells[PUSH_TALLIES] = {
        [PUSH_TALLY_PUBLISHED] = PUSH_COUNT_PUBLISHED,
        [PUSH_TALLY_DELIVERED] = PUSH_COUNT_WRITTEN};
    unsigned outcome = what - PUSH_TALLY_ACKED + PUSH_BY_OUTCOME_ACKED;
    push_shard_counts_t *counted = &g->store.counted[class % PUSH_SHARDS];

    if (class != PUSH_CLASS_OTHER) {
        push_tally_add(&counted->by_class.of[class][what], more);
    }
    push_count(&counted->by_label,
               what < PUSH_TALLY_ACKED ? cells[what]
                                       : push_cell(PUSH_COUNT_SETTLED, outcome,
                                                   0, PUSH_BY_URGENCY_VALUES),
               more);
}
