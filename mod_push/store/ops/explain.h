#ifndef PUSH_STORE_EXPLAIN_H
#define PUSH_STORE_EXPLAIN_H

#include "core/facts.h"
#include "store/shard/store.h"

/*
 * What is known, of each device that is asked about, in at most room facts; at
 * least one, of a device that is not known, if there is none.  PUSH_BUSY.
 */
push_status_t push_store_explain(push_store_t *store,
                                 const push_question_t *question,
                                 push_facts_t *facts, unsigned room,
                                 unsigned *count);

#endif
