#ifndef PUSH_LOCAL_H
#define PUSH_LOCAL_H

#include "broker/broker.h"

struct push_store_t;

/* This machine's store, alone; borrowed for good. */
void push_local_init(push_broker_t *broker, struct push_store_t *store);

#endif
