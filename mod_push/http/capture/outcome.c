#include "http/capture/outcome.h"

#include <apr_strings.h>
#include <http_log.h>

#include "http/runtime.h"

APLOG_USE_MODULE(push);

static void count(unsigned result, unsigned messages)
{
    push_count_shared(push_broker()->counts,
                      (push_count_t)(PUSH_COUNT_CAPTURED + result), messages);
}

void push_outcome_none(const request_rec *r, unsigned result,
                       unsigned messages)
{
    static const char *const reasons[PUSH_BY_CAPTURED_VALUES] = {
        [PUSH_BY_CAPTURED_TRUNCATED] = "it ended early",
        [PUSH_BY_CAPTURED_STATUS] = "its status or its method is none that "
                                    "publishes",
        [PUSH_BY_CAPTURED_UNCHANGED] = "it says what the last one said "
                                       "(PushCaptureOnce)"};

    count(result, messages);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "PUSH0310: the answer to %s %s (%d) had %u messages that "
                  "are not published: %s",
                  r->method, r->uri, r->status, messages, reasons[result]);
}

static unsigned result_of(const push_problem_t *problem)
{
    return !strcmp(problem->name, "too-large")   ? PUSH_BY_CAPTURED_TOO_LARGE
           : !strcmp(problem->name, "encoded")   ? PUSH_BY_CAPTURED_ENCODED
           : !strcmp(problem->name, "forbidden") ? PUSH_BY_CAPTURED_FORBIDDEN
                                                 : PUSH_BY_CAPTURED_FAILED;
}

void push_outcome_refused(const request_rec *r, const push_problem_t *problem)
{
    count(result_of(problem), 1);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "PUSH0311: the answer to %s %s (%d) had a message that is "
                  "not published: %d %s: %s",
                  r->method, r->uri, r->status, problem->status, problem->name,
                  problem->detail);
}

/* Nothing if this child's memory is not the server's any more. */
static void inject(request_rec *r, const push_injector_t *by,
                   push_injected_t *messages, size_t messages_count)
{
    if (!push_runtime_superseded()) {
        push_inject(by, messages, messages_count);
        return;
    }
    for (size_t i = 0; i < messages_count; i++) {
        messages[i].problem = push_problem_superseded(r->pool);
    }
}

void push_outcome_publish(request_rec *r, push_injected_t *messages,
                          size_t messages_count)
{
    const push_settings_t *settings = push_settings(r);
    push_injector_t by = {.broker = push_broker(),
                          .settings = settings,
                          .allowed = settings->capture.allowed,
                          .allowed_by = "PushCaptureAllow",
                          .pool = r->pool};

    if (!by.allowed) {
        by.allowed = apr_array_make(r->pool, 1, sizeof(const char *));
    }
    by.who = push_text_of(
        apr_pstrcat(r->pool, "$capture:", r->server->server_hostname, NULL));
    inject(r, &by, messages, messages_count);
    for (size_t i = 0; i < messages_count; i++) {
        if (messages[i].problem) {
            push_outcome_refused(r, messages[i].problem);
        }
        else {
            count(PUSH_BY_CAPTURED_PUBLISHED, 1);
        }
    }
}
