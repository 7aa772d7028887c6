#ifndef CS_ENGINE_PART_H
#define CS_ENGINE_PART_H

#include <stdio.h>

#include "simulation/cluster/engine.h"

/* What the files of the engine share. */

#define CS_WORDS 256

/* In the place of a device's number: its id is all zeros. */
#define CS_NO_DEVICE MODEL_DEVICES

/* A command, taken apart. */
typedef struct cs_call_t {
    push_text_t words[CS_WORDS];
    unsigned count;
    const push_text_t *keys, *args; /* args[1] is the first */
    unsigned args_count;
    cs_master_t *master;
    struct model *m;
    cs_fault_t fault;
    FILE *out;
} cs_call_t;

/* ---- what its words say ---- */

uint64_t cs_number(push_text_t text);
uint64_t cs_arg(const cs_call_t *call, unsigned i);
bool cs_is_set(const cs_call_t *call, unsigned i);

/* Of an argument that is a log's name, or of a key of one. */
unsigned cs_log_arg(const cs_call_t *call, unsigned i);
unsigned cs_log_of_key(push_text_t key);

unsigned cs_context_of(push_text_t id);

/* Owners are decimal numbers in commands, and in the model 1, 2…; a caller is
 * an owner. */
unsigned cs_owner_of(push_text_t text);
unsigned cs_caller_of(push_text_t text);
unsigned cs_owner_number(unsigned owner);

/* ---- answers ---- */

void cs_reply_entries(const cs_call_t *call,
                      const struct model_entries *entries);

/* vm, epoch, time */
void cs_reply_origin(const cs_call_t *call);
void cs_reply_origin_of(const cs_call_t *call, push_text_t vm);

/* version, more, whole, entries */
void cs_reply_followed(const cs_call_t *call,
                       const struct model_followed *followed, bool counts);

/* Its data has an epoch as soon as something asks for one. */
void cs_see_epoch(cs_master_t *master);

/* ---- engine_devices.c ---- */

void cs_run_claim(cs_call_t *call);
void cs_run_yield(cs_call_t *call);
void cs_run_save(cs_call_t *call);
void cs_run_send(cs_call_t *call);
void cs_run_answer(cs_call_t *call);
void cs_run_ask(cs_call_t *call);
void cs_run_leave(cs_call_t *call);
void cs_run_collect(cs_call_t *call);
void cs_left_reset(void);
void cs_run_read(cs_call_t *call);
void cs_run_view(cs_call_t *call);

const struct model_member *cs_find_member(const struct model_log *log,
                                          uint64_t tick, unsigned *lane);

#endif
