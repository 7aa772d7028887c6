#include "http/publish/traced.h"

#include <http_log.h>

APLOG_USE_MODULE(push);

void push_traced_refusal(const request_rec *r, const push_publication_t *asked,
                         const push_problem_t *problem)
{
    char trace[PUSH_TRACEPARENT_CHARS];

    if (asked->spec.content.trace.len && APLOG_R_IS_LEVEL(r, APLOG_INFO)) {
        push_traceparent_write(asked->spec.content.trace.at, trace);
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "PUSH0165: trace %.*s: a publish was refused: %d %s: %s",
                      (int)PUSH_TRACEPARENT_ID_CHARS,
                      trace + PUSH_TRACEPARENT_ID_AT, problem->status,
                      problem->name, problem->detail);
    }
}
