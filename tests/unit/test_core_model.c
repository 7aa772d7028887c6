#include "core_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Random operations on a few users, devices and channels, done by the core
 * and by the model: whatever can be seen from outside must be the same.
 * MODEL_SEED=n runs that seed alone; MODEL_SEEDS=n as many.
 */

#define STEPS 300

/* Which of the rules a seed looks at closely. */
typedef enum {
    LIMITS, /* small mailboxes, all devices there from the start */
    LATE,   /* devices come and go */
    HISTORY /* small channels, whose messages end in no other way */
} focus_t;

typedef struct {
    uint64_t seed;
    int step;
    focus_t focus;
    dice_t d;
    world_t w;
    model_t m;
    push_user_t *users[MODEL_USERS];
    push_channel_t *channels[MODEL_CHANNELS];
    push_device_t *devices[MODEL_DEVICES];
} run_t;

static run_t run;

#define EXPECT(condition, ...)                                                \
    do {                                                                      \
        if (!(condition)) {                                                   \
            printf("seed %lu, step %d: ", (unsigned long)run.seed, run.step); \
            printf(__VA_ARGS__);                                              \
            printf("\n");                                                     \
            fflush(stdout);                                                   \
            ck_abort_msg("the core and the model differ");                    \
        }                                                                     \
    } while (0)

static const char *name_of(int name)
{
    static const char *const names[MODEL_NAMES] = {"a", "b", "c"};

    return names[name];
}

/* ---- operations ---- */

static int64_t random_ttl(void)
{
    switch (dice_below(&run.d, 5)) {
    case 0:
        return 0;
    case 1:
        return 500 + dice_below(&run.d, 5000);
    default:
        return 300000;
    }
}

static model_message_t random_message(int64_t *ttl)
{
    model_message_t message = {.fate = PUSH_LIVE, .device = -1};

    message.kind = (model_kind_t)dice_below(&run.d, 3);
    message.urgency = (push_urgency_t)dice_below(&run.d, PUSH_LANES);
    *ttl = random_ttl();
    if (message.kind == TO_USER) {
        message.to = (int)dice_below(&run.d, MODEL_USERS);
        if (dice_one_in(&run.d, 4)) {
            message.device = (int)dice_below(&run.d, MODEL_NAMES);
        }
    }
    else if (message.kind == TO_CHANNEL) {
        message.to = (int)dice_below(&run.d, MODEL_CHANNELS);
    }
    if (message.kind != TO_USER && run.focus == HISTORY) {
        *ttl = 1000000000;
    }
    else if (dice_one_in(&run.d, 3)) {
        message.topic = 1 + (int)dice_below(&run.d, 2);
    }
    message.now = *ttl == 0;
    message.expires = run.m.now + (*ttl ? *ttl : 1000);
    return message;
}

static push_status_t publish_for_real(const model_message_t *message,
                                      int64_t ttl)
{
    static const char *const topics[] = {NULL, "t", "u"};
    push_message_spec_t spec = {.urgency = message->urgency,
                                .ttl = ttl,
                                .topic = words(topics[message->topic])};
    char text[12];

    snprintf(text, sizeof(text), "%d", run.m.count);
    spec.content.data = words(text);
    if (message->device >= 0) {
        spec.device = words(name_of(message->device));
    }
    switch (message->kind) {
    case TO_USER:
        return world_publish(&run.w, run.users[message->to], spec);
    case TO_CHANNEL:
        return world_cast(&run.w, run.channels[message->to], spec);
    default:
        return world_cast(&run.w, run.w.broadcast, spec);
    }
}

static void publish(void)
{
    int64_t ttl;
    model_message_t message = random_message(&ttl);
    push_status_t status, expected;
    int index = run.m.count;

    if (index == MODEL_MESSAGES) {
        return;
    }
    status = publish_for_real(&message, ttl);
    message.mid = run.w.receipt.mid;
    expected = model_say(&run.m, &message);
    EXPECT(status == expected, "publish of %d: %d, not %d", index, status,
           expected);
    EXPECT(run.w.receipt.recipients == run.m.receipt.recipients
               && run.w.receipt.connected == run.m.receipt.connected
               && run.w.receipt.refused == run.m.receipt.refused,
           "receipt of %d: %u %u %u, not %u %u %u", index,
           run.w.receipt.recipients, run.w.receipt.connected,
           run.w.receipt.refused, run.m.receipt.recipients,
           run.m.receipt.connected, run.m.receipt.refused);
}

static void flush(int i)
{
    uint32_t max = 256;

    if (run.focus != HISTORY && dice_one_in(&run.d, 2)) {
        max = 1 + dice_below(&run.d, 4);
    }
    if (run.m.devices[i].online) {
        world_flush_some(&run.w, run.devices[i], max);
        model_flush(&run.m, i, max);
        EXPECT(!strcmp(run.w.text, run.m.text),
               "device %d was sent \"%s\", not \"%s\"", i, run.w.text,
               run.m.text);
    }
}

static push_cursor_t random_cursor(int i)
{
    const model_device_t *device = &run.m.devices[i];
    uint64_t flying = device->sent - device->acked;
    push_cursor_t at = {0};

    switch (dice_below(&run.d, 5)) {
    case 0:
        at.seq = dice_below(&run.d, 4);
        break;
    case 1:
        at.seq = device->sent + dice_below(&run.d, 3);
        break;
    default:
        at.seq = device->acked + dice_below(&run.d, (uint32_t)flying + 1);
    }
    if (dice_one_in(&run.d, 2) && run.m.count) {
        int message = (int)dice_below(&run.d, (uint32_t)run.m.count);

        if (at.seq > device->acked && at.seq <= device->sent
            && !dice_one_in(&run.d, 6)) {
            message = device->flight[at.seq - device->acked - 1];
        }
        at.mid = run.m.messages[message].mid;
        at.has_mid = true;
    }
    return at;
}

static void acknowledge(int i)
{
    push_cursor_t at = random_cursor(i);
    push_status_t status = world_ack(&run.w, run.devices[i], at);
    push_status_t expected = model_ack(&run.m, i, &at);

    EXPECT(status == expected, "ack of %lu by device %d: %d, not %d",
           (unsigned long)at.seq, i, status, expected);
}

static void open_stream(int i)
{
    model_device_t *device = &run.m.devices[i];
    push_cursor_t at = random_cursor(i);
    world_open_t open = {.max_in_flight = 1024, .resume = &at};

    if (run.focus != HISTORY) {
        open.implicit = dice_one_in(&run.d, 3);
        open.max_in_flight = 1 + dice_below(&run.d, 12);
        open.lowest = (push_urgency_t)(1 + dice_below(&run.d, 3));
    }
    if (dice_one_in(&run.d, 8)) {
        open.resume = NULL;
    }
    world_open(&run.w, run.devices[i], &open);
    model_device_open(&run.m, i, open.resume);
    device->implicit = open.implicit;
    device->max_in_flight = open.max_in_flight;
    device->lowest = open.lowest ? (int)open.lowest : PUSH_VERY_LOW;
}

static void close_stream(int i)
{
    world_close(&run.w, run.devices[i]);
    run.m.devices[i].online = false;
}

/* The socket took only a part. */
static void cut(int i)
{
    const model_device_t *device = &run.m.devices[i];
    uint64_t least = device->acked;
    uint64_t keep;

    if (device->implicit && device->flushed > least) {
        least = device->flushed < device->sent ? device->flushed
                                               : device->sent;
    }
    keep = least + dice_below(&run.d, (uint32_t)(device->sent - least) + 1);
    push_session_return(run.w.heap, run.devices[i], keep);
    model_return(&run.m, i, keep);
}

static void pass(void)
{
    int64_t ms = dice_one_in(&run.d, 6) ? 70000 : dice_below(&run.d, 2000);

    world_pass(&run.w, ms);
    run.m.now += ms;
}

static void sweep(void)
{
    for (int i = 0; i < MODEL_USERS; i++) {
        push_log_sweep(run.w.heap, &run.users[i]->log, false, &run.w.now);
    }
    for (int i = 0; i < MODEL_CHANNELS; i++) {
        push_log_sweep(run.w.heap, &run.channels[i]->log, false, &run.w.now);
    }
    push_log_sweep(run.w.heap, &run.w.broadcast->log, false, &run.w.now);
    model_sweep(&run.m);
}

static push_log_t *log_of(const model_message_t *message)
{
    switch (message->kind) {
    case TO_USER:
        return &run.users[message->to]->log;
    case TO_CHANNEL:
        return &run.channels[message->to]->log;
    default:
        return &run.w.broadcast->log;
    }
}

static void recall(void)
{
    int i = (int)dice_below(&run.d, (uint32_t)run.m.count + 1);
    const model_message_t *message = &run.m.messages[i];
    push_entry_t entry;

    if (i < run.m.count && model_alive(&run.m, i)
        && (message->kind == TO_USER || run.focus != HISTORY)) {
        if (push_log_find(run.w.heap, log_of(message), message->mid, &entry)) {
            push_log_end(run.w.heap, log_of(message), entry.message,
                         PUSH_RECALLED, &run.w.now);
        }
        model_end(&run.m, i, PUSH_RECALLED);
    }
}

static bool name_taken(int user, int name)
{
    for (int i = 0; i < MODEL_DEVICES; i++) {
        if (run.m.devices[i].used && run.m.devices[i].user == user
            && run.m.devices[i].name == name) {
            return true;
        }
    }
    return false;
}

static void appear(int i, int user, int name)
{
    model_device_t *device = &run.m.devices[i];
    push_channel_t *channels[MODEL_CHANNELS];
    unsigned count = 0;

    if (name_taken(user, name)) {
        return;
    }
    memset(device, 0, sizeof(*device));
    device->used = true;
    device->user = user;
    device->name = name;
    device->joined = run.m.count;
    for (int c = 0; c < MODEL_CHANNELS; c++) {
        device->follows[c] = dice_one_in(&run.d, 2);
        if (device->follows[c]) {
            channels[count++] = run.channels[c];
        }
    }
    run.devices[i] = world_device(&run.w, run.users[user], name_of(name),
                                  channels, count);
    open_stream(i);
}

static void come_or_go(int i)
{
    if (run.focus == LIMITS) {
        return;
    }
    if (!run.m.devices[i].used) {
        appear(i, (int)dice_below(&run.d, MODEL_USERS),
               (int)dice_below(&run.d, MODEL_NAMES));
    }
    else if (run.focus == LATE && dice_one_in(&run.d, 2)) {
        world_drop(&run.w, run.devices[i]);
        run.m.devices[i].used = false;
    }
}

/* ---- what can be seen ---- */

static void compare_fates(int i)
{
    const model_device_t *device = &run.m.devices[i];

    for (int j = 0; j < run.m.count; j++) {
        const model_message_t *message = &run.m.messages[j];
        push_fate_t fate;

        if (message->kind != TO_USER || message->to != device->user
            || (message->device >= 0 && message->device != device->name)
            || message->now || !model_alive(&run.m, j)) {
            continue;
        }
        fate = world_fate(&run.w, run.devices[i], message->mid);
        EXPECT((fate == PUSH_PENDING) == (device->state[j] == WAITING)
                   && (fate == PUSH_IN_FLIGHT) == (device->state[j] == FLYING),
               "message %d is %s for device %d, not %d", j,
               push_fate_name(fate), i, device->state[j]);
    }
}

static void compare(int i)
{
    const model_device_t *device = &run.m.devices[i];
    const push_device_t *real = run.devices[i];
    uint32_t waiting = world_pending(&run.w, real);

    EXPECT(real->acked == device->acked && real->sent == device->sent,
           "device %d is at %lu…%lu, not at %lu…%lu", i,
           (unsigned long)real->acked, (unsigned long)real->sent,
           (unsigned long)device->acked, (unsigned long)device->sent);
    EXPECT(waiting == model_pending(&run.m, i),
           "for device %d wait %u, not %u", i, waiting,
           model_pending(&run.m, i));
    EXPECT(run.focus == HISTORY
               || !memcmp(&real->losses, device->losses,
                          sizeof(device->losses)),
           "device %d lost something else", i);
    if (dice_one_in(&run.d, 10)) {
        compare_fates(i);
    }
}

/* ---- runs ---- */

static void step_of_device(int i)
{
    uint32_t kind = dice_below(&run.d, 100);

    if (kind < 8) {
        come_or_go(i);
    }
    else if (!run.m.devices[i].used) {
        return;
    }
    else if (kind < 50) {
        flush(i);
    }
    else if (kind < 68) {
        acknowledge(i);
    }
    else if (kind < 82) {
        open_stream(i);
    }
    else if (kind < 88) {
        close_stream(i);
    }
    else {
        cut(i);
    }
}

static void step(void)
{
    uint32_t kind = dice_below(&run.d, 100);

    if (kind < 38) {
        publish();
    }
    else if (kind < 44) {
        pass();
    }
    else if (kind < 47) {
        sweep();
    }
    else if (kind < 50) {
        recall();
    }
    else {
        step_of_device((int)dice_below(&run.d, MODEL_DEVICES));
    }
    watched_heap_reclaim(&run.w.memory);
}

static void start(uint64_t seed)
{
    memset(&run, 0, sizeof(run));
    run.seed = seed;
    run.focus = (focus_t)(seed % 3);
    run.d = dice(seed);
    world_init(&run.w);
    run.m.now = run.w.now.mono;
    run.m.limit = run.focus == LIMITS ? 1 + dice_below(&run.d, 5) : 1000;
    run.m.history = run.focus == HISTORY ? 1 + dice_below(&run.d, 6) : 1000;
    run.w.limit = run.m.limit;
    run.w.history = run.m.history;
    for (int i = 0; i < MODEL_USERS; i++) {
        run.users[i] = world_user(&run.w);
    }
    for (int i = 0; i < MODEL_CHANNELS; i++) {
        run.channels[i] = world_channel(&run.w);
    }
    if (run.focus == LIMITS) {
        int count = MODEL_USERS + (int)dice_below(&run.d, 5);

        for (int i = 0; i < count; i++) {
            appear(i, i % MODEL_USERS, i / MODEL_USERS);
        }
    }
}

static void run_seed(uint64_t seed)
{
    start(seed);
    for (run.step = 0; run.step < STEPS; run.step++) {
        step();
        for (int i = 0; i < MODEL_DEVICES; i++) {
            if (run.m.devices[i].used) {
                compare(i);
            }
        }
    }
    world_cleanup(&run.w);
}

static uint64_t number_of(const char *name, uint64_t missing)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : missing;
}

START_TEST(the_core_does_what_the_protocol_says_on_plain_lists)
{
    uint64_t seeds = number_of("MODEL_SEEDS",
                               watched_by_valgrind() ? 60 : 2000);
    uint64_t one = number_of("MODEL_SEED", UINT64_MAX);

    if (one != UINT64_MAX) {
        run_seed(one);
        return;
    }
    for (uint64_t seed = 0; seed < seeds; seed++) {
        run_seed(seed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tc = unit_case(suite, "model", 300);

    tcase_add_test(tc, the_core_does_what_the_protocol_says_on_plain_lists);
    return unit_run(suite);
}
