#ifndef PUSH_RUNNER_OPTIONS_H
#define PUSH_RUNNER_OPTIONS_H

#include "http/settings.h"
#include "triggers/figures.h"
#include "triggers/run/signature.h"
#include "triggers/triggers.h"

/* What a runner (runner.h) is given. */
typedef struct push_runner_options_t {
    server_rec *server;    /* of its log */
    push_broker_t *broker; /* borrowed for good, as is all of the following */
    push_triggers_t *triggers;
    const push_settings_t *settings; /* of the messages that it publishes */
    const push_signer_t *signers;    /* of each rule, by its index */
    push_trigger_figures_t *figures; /* likewise; shared by all children */
} push_runner_options_t;

#endif
