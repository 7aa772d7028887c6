#ifndef PUSH_REDIS_SLOTS_H
#define PUSH_REDIS_SLOTS_H

#include "redis/reply.h"
#include "redis/tags.h"
#include "redis/address.h"

/*
 * Which master has which partition.  A master keeps its index for as long as
 * it is known by the same address, so that others may keep things by it.  Pure.
 */

#define PUSH_MASTERS   64u
#define PUSH_NO_MASTER 0xffu

typedef struct push_master_t {
    push_address_t address; /* host "": the index is free */
    unsigned partitions;    /* 0: only known from a redirection */
} push_master_t;

typedef struct push_slots_t {
    push_master_t masters[PUSH_MASTERS];
    unsigned end;                       /* all indexes in use lie below */
    uint8_t master_of[PUSH_PARTITIONS]; /* or PUSH_NO_MASTER */
    bool known;                         /* false until the first answer */
    bool cluster;
    uint32_t version; /* another one whenever something changed */
} push_slots_t;

void push_slots_init(push_slots_t *slots);

/* The index of the address, added if it is new; PUSH_NO_MASTER: too many. */
unsigned push_slots_master(push_slots_t *slots, const push_address_t *address);

/* All partitions are at the address. */
void push_slots_single(push_slots_t *slots, const push_address_t *address);

/*
 * Takes a reply to CLUSTER SLOTS over; asked is who gave it, and what an empty
 * host means.  False if it is none, names more than 64 masters or leaves no
 * partition to anybody; nothing is changed then.
 */
bool push_slots_take(push_slots_t *slots, const push_reply_t *reply,
                     const push_address_t *asked);

/*
 * The address of a node of such a reply (host, port, …); false: it has none.
 * asked is taken for a host that the node does not know itself.
 */
bool push_slots_node(const push_reply_t *node, const push_address_t *asked,
                     push_address_t *address);

/* The partition of the slot is at master now (a MOVED said so). */
void push_slots_move(push_slots_t *slots, unsigned slot, unsigned master);

#endif
