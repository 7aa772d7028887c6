#ifndef PUSH_DRAFT_H
#define PUSH_DRAFT_H

#include "http/params.h"
#include "http/settings.h"
#include "store/ops/publish.h"

/*
 * A publish as it came over HTTP, checked: one message with its audience.
 * Both ways of publishing fill the same form: a request with headers, and a
 * line of JSON.
 */
typedef struct push_form_t {
    push_audience_t audience;
    push_draft_t draft;
    push_text_t key; /* idempotency key; empty for none */
    bool receipt;    /* the publisher wants to know */
} push_form_t;

/* A field as text; problems name it as the publisher does. */
typedef struct push_field_t {
    const char *name;
    const char *kind; /* "bad-parameter", "bad-header" or "bad-member" */
    push_text_t text;
    bool given;
} push_field_t;

/* The fields that say for whom a message is. */
typedef struct push_address_t {
    push_field_t user, channel, broadcast, device;
} push_address_t;

/* Each checks one field and takes it into the form, if it is given. */
const push_problem_t *push_form_audience(apr_pool_t *pool, push_form_t *form,
                                         const push_address_t *address);
const push_problem_t *push_form_urgency(apr_pool_t *pool, push_form_t *form,
                                        const push_field_t *field);
const push_problem_t *push_form_topic(apr_pool_t *pool, push_form_t *form,
                                      const push_field_t *field);
const push_problem_t *push_form_event(apr_pool_t *pool, push_form_t *form,
                                      const push_field_t *field);
const push_problem_t *push_form_type(apr_pool_t *pool, push_form_t *form,
                                     const push_field_t *field);
const push_problem_t *push_form_key(apr_pool_t *pool, push_form_t *form,
                                    const push_field_t *field);

/* seconds were given, or -1; grants at most PushMaxTTL. */
void push_form_ttl(const push_settings_t *settings, push_form_t *form,
                   int64_t seconds);

/* The form as the store takes it; borrows from it. */
push_request_t push_form_request(const push_store_t *store,
                                 const push_form_t *form);

/* Publishes the form once, whatever its key says of earlier requests. */
push_status_t push_form_publish(push_store_t *store, const push_form_t *form,
                                push_receipt_t *receipt);

#endif
