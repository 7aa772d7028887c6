#include "http/state.h"

#include <http_log.h>
#include <string.h>
#include <unistd.h>
#include <unixd.h>

#include "store/recover.h"

APLOG_USE_MODULE(push);

/* ---- the parent ---- */

static push_owner_t owner(void)
{
    if (geteuid()) {
        return (push_owner_t){geteuid(), getegid()};
    }
    return (push_owner_t){ap_unixd_config.user_id, ap_unixd_config.group_id};
}

static int refuse(server_rec *s, const char *dir, const char *why)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, "PUSH0070: PushStateDir %s %s",
                 dir, why);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static void log_damage(server_rec *s, const push_recovery_t *recovery)
{
    if (!recovery->cut && !recovery->damaged && !recovery->logs
        && !recovery->restored.invalid) {
        return;
    }
    ap_log_error(
        APLOG_MARK, APLOG_ERR, 0, s,
        "PUSH0071: PushStateDir: the state was damaged%s%s: %" APR_UINT64_T_FMT
        " records are lost%s%s; what could be read "
        "came back%s%s",
        recovery->why.text[0] ? ": " : "", recovery->why.text,
        recovery->damaged + recovery->restored.invalid,
        recovery->cut ? ", and all behind the damage" : "",
        recovery->logs ? ", and what was in a log" : "",
        recovery->aside[0] ? ", and the old file is kept as " : "",
        recovery->aside);
}

static void log_recovery(server_rec *s, const push_recovery_t *recovery)
{
    const push_restored_t *restored = &recovery->restored;

    log_damage(s, recovery);
    if (restored->dropped) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0072: PushShmSize is too small for all that was on "
                     "disk: %" APR_UINT64_T_FMT " messages were dropped, the "
                     "least urgent and oldest; their devices are told",
                     restored->dropped);
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "PUSH0073: PushStateDir: came back: %" APR_UINT64_T_FMT
                 " messages, %" APR_UINT64_T_FMT " devices, %" APR_UINT64_T_FMT
                 " idempotency keys, %" APR_UINT64_T_FMT
                 " revocations; %" APR_UINT64_T_FMT " expired meanwhile",
                 restored->messages, restored->devices, restored->keys,
                 restored->revocations, restored->expired);
}

static int recover(server_rec *s, push_store_t *store,
                   const push_state_kept_t *kept)
{
    const push_state_t state = {kept->dir, kept->size, owner(), kept->lock};
    push_recovery_t recovery;
    push_recover_status_t status = push_recover(store, &state, &recovery);

    if (status == PUSH_RECOVER_REFUSED) {
        return refuse(s, kept->dir, recovery.why.text);
    }
    if (status == PUSH_RECOVER_NOT_WRITTEN) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "PUSH0074: PushStateDir: cannot write the state anew, "
                     "the old file stays in use: %s",
                     recovery.why.text);
        recovery.why.text[0] = '\0';
    }
    log_recovery(s, &recovery);
    return OK;
}

int push_state_recover(server_rec *s, const push_global_t *global,
                       push_store_t *store, push_state_kept_t *kept)
{
    push_owner_t who = owner();
    push_sentence_t why;

    kept->dir[0] = '\0';
    kept->lock = -1;
    if (!global->state_dir || global->durability == PUSH_DURABILITY_MEMORY) {
        return OK;
    }
    if (strlen(global->state_dir) >= sizeof(kept->dir)) {
        return refuse(s, global->state_dir, "is too long a path");
    }
    kept->lock = push_statedir_prepare(global->state_dir, &who, &why);
    if (kept->lock < 0) {
        return refuse(s, global->state_dir, why.text);
    }
    strcpy(kept->dir, global->state_dir);
    snprintf(kept->file, sizeof(kept->file), "%s/" PUSH_STATE_FILE, kept->dir);
    kept->size = (uint64_t)global->state_size;
    return recover(s, store, kept);
}

void push_state_compare(server_rec *s, const push_global_t *global,
                        const push_state_kept_t *kept)
{
    const char *dir = global->state_dir
                              && global->durability != PUSH_DURABILITY_MEMORY
                          ? global->state_dir
                          : "";

    if (strcmp(dir, kept->dir)
        || (*dir && kept->size != (uint64_t)global->state_size)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0075: PushStateDir: what changed takes effect at a "
                     "full restart; %s is in use",
                     kept->dir[0] ? kept->dir : "none");
    }
}

/* ---- a child ---- */

static bool commits; /* set before the journal starts */

static void report(void *data, bool well, const char *why)
{
    if (well) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, (server_rec *)data,
                     "PUSH0076: PushStateDir: the state is written again, "
                     "with all that it lacked");
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, (server_rec *)data,
                 "PUSH0077: PushStateDir: %s; until it is well again %s", why,
                 commits ? "publishes are refused with 503"
                         : "what is published is in memory alone");
}

void push_state_start(server_rec *s, const push_state_kept_t *kept,
                      push_durability_t durability, push_store_t *store)
{
    push_journal_options_t options = {.path = kept->file,
                                      .size = kept->size,
                                      .durability = durability,
                                      .report = report,
                                      .data = s};

    commits = durability == PUSH_DURABILITY_COMMIT;
    if (kept->dir[0] && !push_journal_start(store, &options)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     "PUSH0078: PushStateDir: this child cannot start its "
                     "journal: what is published here is in memory alone");
    }
}

void push_state_stop(push_store_t *store)
{
    push_journal_stop(store);
}
