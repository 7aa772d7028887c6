/*
 * A redis-server with the function library, and its functions as C calls that
 * fail the test where the answer is not one of theirs.
 */
#ifndef LIBRARY_KIT_H
#define LIBRARY_KIT_H

#include "broker/library/cluster_calls.h"
#include "broker/library/peer_calls.h"
#include "broker/library/publish_calls.h"
#include "harness/redis.h"

#define TEXT(string) ((push_text_t){(string), (uint32_t)(sizeof(string) - 1)})

struct library {
    struct redis *redis;
    push_home_t home; /* prefix "push:", some partition */
};

/* Start one, with the library loaded. */
struct library *library_start(const struct redis_options *options);

/* The same with a clock that stands until it is set (ms, about now): as time
 * passes, while others call, or at one go. */
struct library *library_start_clock(int64_t *now);
void library_set_clock(struct library *l, int64_t now);
void library_jump(struct library *l, int64_t now);

/* Load the library, again if it is there. */
void library_load(struct library *l);

push_text_t text_of(const char *string);
bool text_is(push_text_t text, const char *string);

/* Send a command and clean it up. The reply lives until the test ends; an
 * error is one too. */
const push_reply_t *library_send(struct library *l, push_command_t *command);

/* A publish of a record to a log, to change before it is sent. */
push_publish_call_t library_message(struct library *l, const char *log,
                                    const char *record);
push_publish_reply_t library_publish(struct library *l,
                                     const push_publish_call_t *call);
bool library_recall(struct library *l, const char *log, uint64_t tick);

/* A node, and what it has taken from its inbox. */
struct library_node {
    struct library *library;
    unsigned owner;
    push_vm_t vm;
    uint64_t have;
};

struct library_node library_node(struct library *l, unsigned owner);

/* Drain; the entries are those after `have`, which moves on. */
push_drain_reply_t library_drain(struct library_node *node);

/* Drain, and give the only entry there is. */
push_inbox_entry_t library_only(struct library_node *node);

push_follow_reply_t library_follow(struct library_node *node, const char *log,
                                   uint64_t since);

/* A claim of a context (its first byte) of a user's log, to change. */
push_claim_call_t library_claim_call(struct library_node *node,
                                     const char *log, unsigned char context);
push_claim_reply_t library_claim(struct library *l,
                                 const push_claim_call_t *call);
push_save_reply_t library_yield(struct library *l,
                                const push_yield_call_t *call);
push_save_reply_t library_save(struct library *l,
                               const push_save_call_t *call);

/* The n-th of some entries, from 0; kind 0 where there are not so many. */
push_inbox_entry_t library_entry(push_pieces_t entries, unsigned n);
unsigned library_count(push_pieces_t entries);

/* A wake that waits for the node; the caller has subscribed it. */
redisContext *library_subscribe(struct library_node *node);

#endif
