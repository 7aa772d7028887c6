#include "http/probe.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/runtime.h"
#include "stream/loop/reactor.h"

/*
 * One probe asks one reactor of another child, or where there is none one of
 * this child's, and is the real way: the device of a user of the server's own
 * is checked in, one end of a socket pair goes to the reactor as its stream,
 * and two messages are published.  The first may be found when the stream
 * arrives; the second has to wake the reactor.
 *
 * Which one is asked changes from time to time, so that all are; those that
 * have not looked around for long come first.  A reactor that failed is not
 * asked again before it has looked around: what was sent to one that is stuck
 * waits there, and there is no room for much of it.  So a child that stops
 * costs one descriptor and one reservation, and is asked anew when it goes on.
 *
 * Each pair of children has a device of its own: one that stands in the list
 * of a stuck reactor could not be woken at another.  A child's user has a name
 * that no child of another node of the cluster has.  The sweep forgets them a
 * few seconds after their last use (PUSH_PROBE_RETENTION).
 */

#define SEATS_MAX 512u

/* ms; a reactor that lives looks around once a second. */
#define STALE_MS 2000

#define NAME_MAX_CHARS 48
#define NONCE_CHARS    16
#define ROUNDS         2u

/* What this child knows of each seat; with the lock. */
typedef struct {
    int64_t asked;  /* mono ms; when it was probed last; 0: never */
    int64_t failed; /* the same, in vain; 0: it delivers */
    uint32_t pid;   /* who sat there then */
} known_t;

static pthread_mutex_t running = PTHREAD_MUTEX_INITIALIZER;
static known_t known[SEATS_MAX];        /* running */
static char own_nonce[NONCE_CHARS + 1]; /* running; "": not made yet */

static pthread_mutex_t result_lock = PTHREAD_MUTEX_INITIALIZER;
static push_proof_t result; /* result_lock; at 0: there is none yet */

/* ---- one probe ---- */

typedef struct {
    char user[NAME_MAX_CHARS];
    char device[NAME_MAX_CHARS];
    char nonce[NONCE_CHARS + 1];
    unsigned seat;
    push_checkin_t checkin;
    push_stream_ref_t stream_ref;
    int64_t deadline; /* mono ms */
    int fd;           /* our end */
} probe_t;

static void make_nonce(char *nonce)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[NONCE_CHARS] = {0};

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        memset(bytes, (int)push_clock_now().mono, sizeof(bytes));
    }
    for (unsigned i = 0; i < NONCE_CHARS; i++) {
        nonce[i] = digits[bytes[i] % 16];
    }
    nonce[NONCE_CHARS] = '\0';
}

static push_text_t text_of(const char *string)
{
    return (push_text_t){string, (uint32_t)strlen(string)};
}

static void prepare(probe_t *probe, unsigned seat)
{
    unsigned own = push_reactor_seat(push_runtime()->reactors[0]);

    if (!*own_nonce) {
        make_nonce(own_nonce);
    }
    memset(probe, 0, sizeof(*probe));
    snprintf(probe->user, sizeof(probe->user), PUSH_PROBE_USER "%u-%s", own,
             own_nonce);
    snprintf(probe->device, sizeof(probe->device), "seat-%u", seat);
    make_nonce(probe->nonce);
    probe->seat = seat;
    probe->fd = -1;
    probe->deadline = push_clock_now().mono + PUSH_PROBE_MS;
    probe->checkin = (push_checkin_t){.user = text_of(probe->user),
                                      .explicit_acks = true,
                                      .made_up = true,
                                      .lowest = PUSH_HIGH,
                                      .max_in_flight = 16,
                                      .max_streams = PUSH_DEVICES_MAX,
                                      .max_devices = PUSH_DEVICES_MAX,
                                      .max_subscriptions = 1,
                                      .seat = seat};
    probe->checkin.labels[PUSH_LABEL_DEVICE] = text_of(probe->device);
}

/* Two ends of a stream; the other one is in *fd. */
static bool make_pair(probe_t *probe, int *fd)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        return false;
    }
    probe->fd = pair[0];
    *fd = pair[1];
    return true;
}

/* Gives the reactor its end, with the device claimed for it. */
static bool hand_over(probe_t *probe, const push_reservation_t *reservation,
                      push_status_t *status)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    push_adoption_t adoption = {.heartbeat = 60000, .bridged = true};
    uint64_t session;

    if (!make_pair(probe, &adoption.fd)) {
        push_reservation_cancel(reservation);
        *status = PUSH_NO_STATE;
        return false;
    }
    *status = broker->claim(broker, &probe->checkin, &now, &probe->stream_ref,
                            &session);
    if (*status != PUSH_OK) {
        push_reservation_cancel(reservation);
        close(adoption.fd);
        return false;
    }
    adoption.stream_ref = probe->stream_ref;
    return push_reservation_adopt(reservation, &adoption);
}

static bool publish(const probe_t *probe, const char *text)
{
    push_broker_t *broker = push_broker();
    push_publication_t publication = {
        .audience = {.kind = PUSH_LOG_USER, .name = probe->checkin.user},
        .spec = {.content = {.data = text_of(text)},
                 .device = probe->checkin.labels[PUSH_LABEL_DEVICE],
                 .urgency = PUSH_HIGH},
        .now = push_clock_now()};
    push_commit_t commit = {0};
    push_answer_t answer = {0};

    return broker->publish(broker, &publication, &commit, &answer) == PUSH_OK
           && broker->settle(broker, &commit, &answer) == PUSH_OK;
}

/* Reads until the text has come; false at the deadline, or the end. */
static bool await(const probe_t *probe, const char *text)
{
    struct pollfd wait = {.fd = probe->fd, .events = POLLIN};
    char bytes[1024];
    size_t len = 0;

    for (;;) {
        int64_t left = probe->deadline - push_clock_now().mono;
        ssize_t got;

        if (left <= 0 || poll(&wait, 1, (int)left) <= 0) {
            return false;
        }
        if (len > sizeof(bytes) / 2) { /* of what else may come: its end */
            memmove(bytes, bytes + len - 64, 64);
            len = 64;
        }
        got = recv(probe->fd, bytes + len, sizeof(bytes) - len, MSG_DONTWAIT);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        if (memmem(bytes, len, text, strlen(text))) {
            return true;
        }
    }
}

typedef enum { DELIVERED, IN_VAIN, NOT_ASKED } outcome_t;

/* What cannot be published, as on a full disk, says nothing of delivery. */
static outcome_t deliver(const probe_t *probe, int64_t *ms)
{
    int64_t began = 0;

    for (unsigned i = 1; i <= ROUNDS; i++) {
        char text[NONCE_CHARS + 8];

        began = push_clock_now().mono;
        snprintf(text, sizeof(text), "%s-%u", probe->nonce, i);
        if (!publish(probe, text)) {
            return NOT_ASKED;
        }
        if (!await(probe, text)) {
            return IN_VAIN;
        }
    }
    *ms = push_clock_now().mono - began;
    return DELIVERED;
}

/* What was delivered is acknowledged: nothing of it waits. */
static void acknowledge(probe_t *probe)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    push_cursor_t cursor = {.seq = ROUNDS};

    probe->checkin.cursor = &cursor;
    broker->ack(broker, &probe->checkin, &now);
    probe->checkin.cursor = NULL;
}

static void hang_up(const probe_t *probe, bool delivered)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();

    if (probe->fd >= 0) {
        close(probe->fd);
    }
    /* A reactor that is stuck would leave it online for as long. */
    if (!delivered && probe->stream_ref.gen) {
        broker->release(broker, &probe->stream_ref, &now);
    }
}

static outcome_t ask(unsigned seat, push_proof_t *proof)
{
    push_reservation_t reservation;
    push_status_t status = PUSH_OK;
    outcome_t outcome = NOT_ASKED;
    probe_t probe;

    if (!push_reservation_make_at(&reservation, push_runtime()->store, seat)) {
        return NOT_ASKED; /* it has as many streams as it may */
    }
    prepare(&probe, seat);
    if (hand_over(&probe, &reservation, &status)) {
        outcome = deliver(&probe, &proof->ms);
    }
    else if (status == PUSH_OK) {
        outcome = IN_VAIN; /* its door is full, since nobody opens it */
    }
    if (outcome == DELIVERED) {
        acknowledge(&probe);
    }
    hang_up(&probe, outcome == DELIVERED);
    proof->no_room |= status == PUSH_NO_MEMORY;
    return outcome;
}

/* ---- which one ---- */

typedef struct {
    push_reactor_view_t at[SEATS_MAX];
    unsigned count;
    bool others; /* there are some of other children */
} reactors_t;

static void take_reactor(void *data, const push_reactor_view_t *view)
{
    reactors_t *reactors = data;

    if (!view->draining && view->seat < SEATS_MAX
        && reactors->count < SEATS_MAX) {
        reactors->at[reactors->count++] = *view;
        reactors->others |= view->pid != (uint32_t)getpid();
    }
}

static void find_reactors(reactors_t *reactors, const push_time_t *now)
{
    push_broker_t *broker = push_broker();
    const push_view_t what = {.kind = PUSH_VIEW_REACTORS, .now = *now};
    const push_visitor_t visitor = {.reactor = take_reactor, .data = reactors};

    reactors->count = 0;
    reactors->others = false;
    broker->view(broker, &what, &visitor);
}

/* It did not deliver, and has not looked around since. */
static bool still_fails(const push_reactor_view_t *reactor)
{
    const known_t *seat = &known[reactor->seat];

    return seat->failed && seat->pid == reactor->pid
           && reactor->beat <= seat->failed;
}

/* What is in doubt is asked first, then who was not asked for longest. */
static int64_t rank_of(const push_reactor_view_t *reactor, int64_t now)
{
    const known_t *seat = &known[reactor->seat];
    bool doubtful = reactor->beat + STALE_MS < now || seat->failed;
    int64_t asked = seat->pid == reactor->pid ? seat->asked : 0;

    return doubtful ? asked - INT64_MAX / 2 : asked;
}

static const push_reactor_view_t *choose(const reactors_t *reactors,
                                         bool others, int64_t now)
{
    const push_reactor_view_t *found = NULL;

    for (unsigned i = 0; i < reactors->count; i++) {
        const push_reactor_view_t *reactor = &reactors->at[i];
        bool own = reactor->pid == (uint32_t)getpid();

        if (own == others || still_fails(reactor)) {
            continue;
        }
        if (!found || rank_of(reactor, now) < rank_of(found, now)) {
            found = reactor;
        }
    }
    return found;
}

/* True if it was delivered. */
static bool try(const push_reactor_view_t *reactor, push_proof_t *proof)
{
    known_t *seat = &known[reactor->seat];
    outcome_t outcome;

    proof->through = reactor->pid;
    proof->ms = -1;
    outcome = ask(reactor->seat, proof);
    seat->pid = reactor->pid;
    seat->asked = push_clock_now().mono;
    if (outcome != NOT_ASKED) {
        seat->failed = outcome == IN_VAIN ? seat->asked : 0;
    }
    else {
        proof->through = 0;
    }
    return outcome == DELIVERED;
}

static void name_faults(const reactors_t *reactors, push_proof_t *proof)
{
    for (unsigned i = 0; i < reactors->count; i++) {
        const push_reactor_view_t *reactor = &reactors->at[i];
        const known_t *seat = &known[reactor->seat];

        if (!seat->failed || seat->pid != reactor->pid) {
            continue;
        }
        if (proof->faults_count < PUSH_PROBE_FAULTS) {
            proof->faults[proof->faults_count] = (push_fault_t){reactor->pid,
                                                                reactor->seat};
        }
        proof->faults_count++;
    }
}

/*
 * Where others failed, or there are none, one of our own is asked: then at
 * least somebody delivers.
 */
static void prove(push_proof_t *proof)
{
    static reactors_t reactors; /* running */
    push_time_t now = push_clock_now();
    const push_reactor_view_t *reactor;
    bool proven = false;

    memset(proof, 0, sizeof(*proof));
    proof->ms = -1;
    proof->stuck = push_broker()->stuck(push_broker());
    find_reactors(&reactors, &now);
    reactor = choose(&reactors, true, now.mono);
    if (reactor && !proof->stuck) {
        proven = try(reactor, proof);
    }
    if (!proven && !proof->stuck) {
        /* A child that has died meanwhile is at no fault. */
        find_reactors(&reactors, &now);
        reactor = choose(&reactors, false, now.mono);
        proven = reactor && try(reactor, proof);
    }
    name_faults(&reactors, proof);
    proof->none = !proven && proof->faults_count;
    proof->at = push_clock_now().mono;
}

/* ---- shared by all who ask ---- */

static bool read_result(push_proof_t *proof)
{
    pthread_mutex_lock(&result_lock);
    *proof = result;
    pthread_mutex_unlock(&result_lock);
    return proof->at != 0;
}

static bool is_fresh(const push_proof_t *proof)
{
    return proof->at && push_clock_now().mono < proof->at + PUSH_PROBE_AGE_MS;
}

/* With running held. */
static void renew(push_proof_t *proof)
{
    read_result(proof);
    if (is_fresh(proof)) {
        return;
    }
    prove(proof);
    pthread_mutex_lock(&result_lock);
    result = *proof;
    pthread_mutex_unlock(&result_lock);
}

void push_probe(push_proof_t *proof)
{
    bool any = read_result(proof);

    if (is_fresh(proof)) {
        return;
    }
    if (pthread_mutex_trylock(&running)) {
        if (any) {
            return; /* somebody is at it: this is the newest there is */
        }
        pthread_mutex_lock(&running);
    }
    renew(proof);
    pthread_mutex_unlock(&running);
}
