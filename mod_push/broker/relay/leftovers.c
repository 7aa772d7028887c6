#include "broker/relay/leftovers.h"

#include <stdlib.h>
#include <string.h>

#include "broker/relay/calls.h"
#include "redis/slots.h"
#include "store/shm/clock.h"

#define ASK_MS   1000
#define COUNTS   64u   /* lists that are counted at once */
#define ALL_MS   60000 /* all of them are, should anything have been missed */
#define STALE_MS 1000  /* what waits for longer may have no sender */

/* What the masters have said in one round. */
typedef struct push_leftovers_sum_t {
    uint64_t waiting;
    int64_t oldest; /* Redis ms; 0: none */
} push_leftovers_sum_t;

struct push_leftovers_t {
    push_relay_t *relay;
    int64_t next;                  /* mono ms */
    int64_t all_next;              /* mono ms */
    uint8_t home[PUSH_PARTITIONS]; /* index of its master, + 1; 0: not known */
    char vm[PUSH_MASTERS][sizeof(((push_vm_t *)0)->id)]; /* "": not known */
    push_relay_call_t asks[PUSH_MASTERS];
    unsigned asked; /* of these, on their way */
    bool complete;  /* all that are over have an answer */
    push_leftovers_sum_t sums[PUSH_REGIONS];
    push_partitions_t
        unknown[PUSH_REGIONS]; /* their lists are to be counted */
    push_relay_call_t counts[COUNTS];
    bool counting[COUNTS]; /* is on its way */
};

static push_home_t home_of(const push_relay_t *relay, unsigned partition)
{
    const char *prefix = relay->options.prefix;

    return (push_home_t){{prefix, (uint32_t)strlen(prefix)}, partition};
}

/* ---- lists that are counted ---- */

static void count_more(push_leftovers_t *leftovers, unsigned slot);

static void have_counted(push_relay_call_t *call)
{
    push_leftovers_t *leftovers = call->data;
    unsigned slot = (unsigned)(call - leftovers->counts);
    uint32_t waiting = 0;

    /* One whose master is away is counted when that has another library, when
     * it has another master, or in a minute. */
    if (call->request.failure == PUSH_FAILURE_NONE
        && push_relay_count_reply(call->request.reply, &waiting) && waiting) {
        push_partitions_add(&call->relay->regions[call->index].ready,
                            call->request.command.partition);
    }
    push_request_cleanup(&call->request);
    leftovers->counting[slot] = false;
    count_more(leftovers, slot);
}

/* The first one of the set; PUSH_PARTITIONS: it is empty. */
static unsigned take_first(push_partitions_t *set)
{
    for (unsigned i = 0; i < PUSH_RELAY_BITS; i++) {
        if (set->bits[i]) {
            unsigned found = i * 64 + (unsigned)__builtin_ctzll(set->bits[i]);

            push_partitions_drop(set, found);
            return found;
        }
    }
    return PUSH_PARTITIONS;
}

static void count_more(push_leftovers_t *leftovers, unsigned slot)
{
    push_relay_t *relay = leftovers->relay;
    push_relay_call_t *call = &leftovers->counts[slot];

    if (leftovers->counting[slot] || atomic_load(&relay->stop)) {
        return;
    }
    for (unsigned i = 0; i < relay->options.count; i++) {
        unsigned partition = take_first(&leftovers->unknown[i]);
        push_home_t home = home_of(relay, partition);

        if (partition == PUSH_PARTITIONS) {
            continue;
        }
        push_library_relay_count(push_relay_call_begin(relay, call, partition),
                                 &home, relay->lists[i].region);
        call->over = have_counted;
        call->data = leftovers;
        call->index = i;
        leftovers->counting[slot] = true;
        push_relay_call(call);
        return;
    }
}

static void is_unknown(push_leftovers_t *leftovers, unsigned partition)
{
    for (unsigned i = 0; i < leftovers->relay->options.count; i++) {
        push_partitions_add(&leftovers->unknown[i], partition);
    }
}

/* ---- masters that are asked ---- */

static void see_vm(push_leftovers_t *leftovers, unsigned master,
                   const push_vm_t *vm)
{
    if (!strcmp(leftovers->vm[master], vm->id)) {
        return;
    }
    memcpy(leftovers->vm[master], vm->id, sizeof(vm->id));
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        if (leftovers->home[i] == master + 1) {
            is_unknown(leftovers, i);
        }
    }
}

static void take_marks(push_leftovers_t *leftovers, const push_reply_t *reply,
                       unsigned region, int64_t now)
{
    push_leftovers_sum_t *sum = &leftovers->sums[region];
    push_relay_mark_t mark;
    uint32_t at = 0;

    while (push_relay_waiting_next(reply, region, &at, &mark)) {
        int64_t since = (int64_t)(mark.oldest >> 10);

        sum->waiting += mark.waiting;
        if (!sum->oldest || since < sum->oldest) {
            sum->oldest = since;
        }
        if (since < now - STALE_MS) {
            push_partitions_add(&leftovers->relay->regions[region].ready,
                                mark.partition);
        }
    }
}

/* What all masters have said is what the node knows. */
static void tell_sums(const push_leftovers_t *leftovers)
{
    push_relay_words_t *words = leftovers->relay->options.words;

    for (unsigned i = 0; i < leftovers->relay->options.count; i++) {
        atomic_store(&words->regions[i].waiting, leftovers->sums[i].waiting);
        atomic_store(&words->regions[i].oldest, leftovers->sums[i].oldest);
    }
    atomic_store(&words->known, push_clock_now().wall);
}

static void has_answered(push_relay_call_t *call)
{
    push_leftovers_t *leftovers = call->data;
    push_relay_waiting_t waiting;

    if (call->request.failure == PUSH_FAILURE_NONE
        && push_relay_waiting_reply(call->request.reply, &waiting)) {
        see_vm(leftovers, call->index, &waiting.vm);
        for (unsigned i = 0;
             i < waiting.regions && i < leftovers->relay->options.count; i++) {
            take_marks(leftovers, call->request.reply, i, waiting.now);
        }
    }
    else {
        leftovers->complete = false;
    }
    push_request_cleanup(&call->request);
    if (!--leftovers->asked && leftovers->complete) {
        tell_sums(leftovers);
    }
}

static void ask(push_leftovers_t *leftovers, unsigned master,
                unsigned partition)
{
    push_relay_t *relay = leftovers->relay;
    push_relay_call_t *call = &leftovers->asks[master];
    push_home_t home = home_of(relay, partition);

    push_library_relay_waiting(push_relay_call_begin(relay, call, partition),
                               &home, relay->lists, relay->options.count);
    call->over = has_answered;
    call->data = leftovers;
    call->index = master;
    leftovers->asked++;
    push_relay_call(call);
}

/* Each master by the first of its partitions; those that have moved are
 * counted, as their master does not know of them. */
static void ask_all(push_leftovers_t *leftovers)
{
    bool seen[PUSH_MASTERS] = {false};

    memset(leftovers->sums, 0, sizeof(leftovers->sums));
    leftovers->complete = true;
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        unsigned master = push_courier_master(
            leftovers->relay->options.courier, i);

        if (master >= PUSH_MASTERS) {
            leftovers->complete = false;
            continue;
        }
        if (leftovers->home[i] != master + 1) {
            leftovers->home[i] = (uint8_t)(master + 1);
            is_unknown(leftovers, i);
        }
        if (!seen[master]) {
            seen[master] = true;
            ask(leftovers, master, i);
        }
    }
}

void push_leftovers_turn(push_leftovers_t *leftovers, int64_t now)
{
    for (unsigned i = 0; i < COUNTS; i++) {
        count_more(leftovers, i);
    }
    if (now < leftovers->next || leftovers->asked) {
        return;
    }
    leftovers->next = now + ASK_MS;
    if (now >= leftovers->all_next) {
        leftovers->all_next = now + ALL_MS;
        memset(leftovers->home, 0, sizeof(leftovers->home));
    }
    ask_all(leftovers);
}

int64_t push_leftovers_until(const push_leftovers_t *leftovers)
{
    return leftovers->next;
}

push_leftovers_t *push_leftovers_create(push_relay_t *relay)
{
    push_leftovers_t *leftovers = calloc(1, sizeof(*leftovers));

    if (leftovers) {
        leftovers->relay = relay;
    }
    return leftovers;
}

void push_leftovers_destroy(push_leftovers_t *leftovers)
{
    free(leftovers);
}
