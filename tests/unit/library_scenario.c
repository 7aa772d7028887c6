#include "library_scenario.h"

#include <string.h>

#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"

#define A push_owner_make(1, 1)
#define B push_owner_make(2, 1)

static const unsigned char context[2][PUSH_CONTEXT_BYTES] = {"one", "two"};

/* The first error is kept; later commands are sent all the same. */
struct scenario {
    struct library *library;
    const char *error;
};

static const push_reply_t *step(struct scenario *s, push_command_t *command)
{
    const push_reply_t *reply = library_send(s->library, command);
    push_text_t text = push_reply_text(reply);

    if (s->error == NULL && push_reply_kind(reply) == PUSH_REPLY_ERROR) {
        s->error = keep_copy(text.at, text.len);
    }
    return reply;
}

/* Only that it is not allowed is an error. */
static void plain(struct scenario *s, const char *words)
{
    redisReply *reply = redis_try(s->library->redis, words);

    ck_assert_ptr_nonnull(reply);
    if (s->error == NULL && reply->type == REDIS_REPLY_ERROR
        && strncmp(reply->str, "NOPERM", 6) == 0) {
        s->error = reply->str;
    }
}

static void what_a_client_sends(struct scenario *s)
{
    push_command_t command;

    plain(s, "PING");
    plain(s, "ROLE");
    plain(s, "WAIT 0 10");
    plain(s, "CLUSTER SLOTS");
    plain(s, "CONFIG GET maxmemory-policy");
    plain(s, "SSUBSCRIBE push:{t}>1");
    plain(s, "SUNSUBSCRIBE push:{t}>1");
    push_library_load(&command, 0, true);
    step(s, &command);
    push_library_hello(&command, &s->library->home);
    step(s, &command);
}

static void publish(struct scenario *s, const push_publish_call_t *call)
{
    push_command_t command;

    push_library_publish(&command, call);
    step(s, &command);
}

static void publications(struct scenario *s)
{
    static const unsigned char key[PUSH_KEY_BYTES] = "key";
    push_publish_call_t call = library_message(s->library, "uanna", "record");

    call.key = key;
    call.window = 60000;
    call.rate = 1000;
    call.topic = TEXT("topic");
    publish(s, &call);
    publish(s, &call);
    call.key = NULL;
    call.device = TEXT("phone");
    call.ttl = 0;
    publish(s, &call);
    call.device = TEXT("");
    publish(s, &call);
    publish(s, &call);
    call.ttl = 60000;
    call.cap = 2;
    for (int i = 0; i < 40; i++) {
        call.topic = text_of(keep_printf("topic %d", i));
        publish(s, &call);
    }
    call.topic = TEXT("");
    call.log = TEXT("cnews");
    publish(s, &call);
}

/* Messages that are over when the lane is full, so that they are searched. */
static void expired(struct scenario *s)
{
    push_publish_call_t call = library_message(s->library, "cold", "record");
    int64_t over;

    call.cap = 3;
    publish(s, &call);
    call.ttl = 1;
    publish(s, &call);
    over = wait_now() + 3;
    wait_until(wait_now() >= over);
    call.ttl = 60000;
    for (int i = 0; i < 10; i++) {
        publish(s, &call);
    }
}

static void follow(struct scenario *s, unsigned owner, const char *log)
{
    push_following_t following = {text_of(log), 1, 1, 0, false};
    push_follow_call_t call = {s->library->home, owner, following, false};
    push_resync_call_t resync = {s->library->home, owner, 1, &following};
    push_command_t command;
    push_follow_reply_t followed;

    push_library_follow(&command, &call);
    if (push_follow_reply(step(s, &command), &followed)) {
        following.since = followed.followed.version;
    }
    push_library_resync(&command, &resync);
    step(s, &command);
}

static void unfollow(struct scenario *s, unsigned owner)
{
    push_unfollow_call_t call = {s->library->home, owner, TEXT("uanna")};
    push_command_t command;

    push_library_unfollow(&command, &call);
    step(s, &command);
}

static void drain(struct scenario *s, unsigned owner)
{
    push_drain_call_t call = {s->library->home, owner, "", 0};
    push_command_t command;

    push_library_drain(&command, &call);
    step(s, &command);
}

static void recall(struct scenario *s)
{
    push_publish_call_t message = library_message(s->library, "uanna", "r");
    push_recall_call_t call = {s->library->home, TEXT("uanna"), 0};
    push_publish_reply_t published;
    push_command_t command;

    push_library_publish(&command, &message);
    if (push_publish_reply(step(s, &command), &published)) {
        call.mid = push_mid_of_tick(published.tick, call.home.partition);
    }
    push_library_recall(&command, &call);
    step(s, &command);
}

static push_claim_call_t claim_call(struct scenario *s, unsigned owner,
                                    unsigned which)
{
    return (push_claim_call_t){.device = {s->library->home, TEXT("uanna"),
                                          context[which], owner, 1, 3600000},
                               .following = {TEXT("uanna"), 1, 1, 0, false},
                               .id = TEXT("phone"),
                               .max_devices = 1,
                               .max_streams = 1};
}

static void claim(struct scenario *s, const push_claim_call_t *call)
{
    push_command_t command;

    push_library_claim(&command, call);
    step(s, &command);
}

static void devices(struct scenario *s)
{
    push_claim_call_t call = claim_call(s, A, 0);
    push_save_call_t save = {call.device, false, TEXT("record")};
    push_yield_call_t yield = {
        call.device, B, false, true, TEXT("record"), TEXT("session"), false};
    push_command_t command;

    claim(s, &call);
    push_library_save(&command, &save);
    step(s, &command);
    push_library_yield(&command, &yield);
    step(s, &command);
    claim(s, &call); /* asks B */
    yield.device.owner = B;
    yield.device.fence = 2;
    yield.to = PUSH_OWNER_NOBODY;
    push_library_yield(&command, &yield);
    step(s, &command);
    call = claim_call(s, B, 1); /* spares the first */
    claim(s, &call);
    call.known = true;
    call.force = true;
    claim(s, &call);
    push_library_view(&command, &s->library->home, TEXT("uanna"));
    step(s, &command);
}

static void peers(struct scenario *s)
{
    const push_home_t *home = &s->library->home;
    unsigned owners[] = {A, B};
    push_send_call_t send = {*home, TEXT("uanna"), context[1], 'A', 0, 1,
                             A,     TEXT("body")};
    push_answer_call_t answer = {*home, A, 1, B, TEXT("body")};
    push_tell_call_t all = {*home, TEXT("uanna"), 1, A, TEXT("body"),
                            2,     owners};
    push_revocation_t mark = {"mark", 1, INT64_C(1) << 42};
    push_command_t command;

    push_library_send(&command, &send);
    step(s, &command);
    push_library_answer(&command, &answer);
    step(s, &command);
    push_library_leave(&command, &answer);
    step(s, &command);
    push_library_collect(&command, &answer);
    step(s, &command);
    push_library_ask(&command, &all);
    step(s, &command);
    push_library_tell_all(&command, &all);
    step(s, &command);
    all.home.partition = 0;
    push_library_revoke(&command, &all, &mark);
    step(s, &command);
    mark.until = 1;
    push_library_revoke(&command, &all, &mark);
    step(s, &command);
    push_library_marks(&command, &all.home);
    step(s, &command);
}

static void cluster(struct scenario *s)
{
    push_lease_call_t call = {.meta = {.home = s->library->home},
                              .url = TEXT("http://node/")};
    push_take_call_t take = {s->library->home, TEXT("p"), 10, 3};
    push_once_call_t once = {s->library->home, TEXT("nonce"), 60000};
    push_command_t command;

    call.meta.home.partition = 0;
    push_library_meta(&command, &call.meta);
    step(s, &command);
    push_library_lease(&command, &call);
    step(s, &command);
    call.owner = A;
    push_library_lease(&command, &call);
    step(s, &command);
    push_library_take(&command, &take);
    step(s, &command);
    push_library_once(&command, &once);
    step(s, &command);
}

const char *library_scenario(struct library *l)
{
    struct scenario s = {l, NULL};

    what_a_client_sends(&s);
    drain(&s, A);
    drain(&s, B);
    follow(&s, A, "uanna");
    follow(&s, A, "cnews");
    follow(&s, B, "uanna");
    devices(&s);
    publications(&s);
    expired(&s);
    recall(&s);
    follow(&s, A, "uanna");
    drain(&s, A);
    unfollow(&s, B);
    peers(&s);
    cluster(&s);
    unfollow(&s, A);
    return s.error;
}
