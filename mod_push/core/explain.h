#ifndef PUSH_EXPLAIN_H
#define PUSH_EXPLAIN_H

#include "core/explanation.h"
#include "core/facts.h"

/* Explains the facts of one device. */
void push_explain(const push_facts_t *facts, push_explanation_t *explanation);

#endif
