#include "server/names.h"

#include <ap_mpm.h>
#include <http_log.h>

#include "store/shard/report.h"

APLOG_USE_MODULE(push);

void push_names_give(push_store_t *store, const apr_array_header_t *names,
                     server_rec *s)
{
    push_naming_t naming = {.now = push_clock_now()};
    int generation = 0;
    push_status_t status;

    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    naming.configuration = (uint64_t)generation;
    if (names) {
        naming.names = (const push_class_name_t *)(void *)names->elts;
        naming.count = (unsigned)names->nelts;
    }
    status = push_report_rename(store, &naming);
    if (status == PUSH_BUSY) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "PUSH0180: PushMetricsEvents: the reports are locked: "
                     "this child counts all event types as other");
    }
    if (status == PUSH_OK && naming.left_out) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0181: PushMetricsEvents: %u names have to wait, %s "
                     "is the first: reports still keep what was counted under "
                     "other names, and there are %u in all. What has these "
                     "names is counted as other",
                     naming.left_out, naming.waiting, PUSH_CLASS_NAMES);
    }
}
