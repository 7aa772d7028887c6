#ifndef CS_WIRE_PART_H
#define CS_WIRE_PART_H

#include "redis/courier.h"
#include "redis/wakes.h"
#include "simulation/cluster/threads.h"
#include "simulation/cluster/wire.h"

/* What the files of the wire share. */

/* A command on its way, or its reply. */
typedef struct cs_flight_t {
    struct cs_flight_t *next;
    push_request_t *request; /* NULL: nobody waits for it any more */
    push_client_t *client;   /* of the link; NULL: of the courier */
    push_command_t command;  /* borrowed from request, while that is there */
    bool owned;              /* command is our own copy */
    int node;
    unsigned master, address; /* where it goes; an address: only there */
    bool pinned, commit, ran;
    char *reply;
    size_t len;
    push_failure_t failure;
    int64_t at, deadline;
} cs_flight_t;

struct push_courier_t {
    int node;
};

struct push_client_t {
    int node;
    push_slots_t slots;
    cs_flight_t *done, **done_end; /* to be told by push_client_serve() */
};

struct push_wakes_t {
    int node;
    push_wakes_hooks_t hooks;
    uint32_t version;
    bool follows[PUSH_MASTERS];
    bool woken[PUSH_MASTERS], subscribed[PUSH_MASTERS];
    int64_t due[PUSH_MASTERS]; /* of a wake on its way; 0: none */
};

typedef struct cs_wire_t {
    dice_t *dice;
    cs_fault_t fault;
    cs_flight_t *first;
    uint32_t replies, wakes_lost;
    int64_t cut[CS_NODES];
    push_client_t *clients[CS_NODES];
    push_wakes_t *wakes[CS_NODES];
    push_courier_t couriers[CS_NODES];
    char bells[CS_NODES];
} cs_wire_t;

extern cs_wire_t cs_wire;

/* The map as Redis has it now. */
void cs_wire_renew(push_slots_t *slots);

/* client: NULL where the courier sends. */
void cs_wire_send(int node, push_client_t *client, push_request_t *request);

void cs_wire_free(cs_flight_t *flight);

#endif
