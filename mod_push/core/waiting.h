#ifndef PUSH_WAITING_H
#define PUSH_WAITING_H

#include "core/explanation.h"
#include "core/facts.h"

/* Parts of push_explain(), of a device that is known. */

/* Says why a message that is still for the device has not reached it. */
void push_explain_waiting(const push_facts_t *facts,
                          push_explanation_t *explanation);

/* Says why the device gets nothing, as no message is named. */
void push_explain_silence(const push_facts_t *facts,
                          push_explanation_t *explanation);

#endif
