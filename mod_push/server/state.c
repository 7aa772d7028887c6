#include "server/state.h"

#include <apr_time.h>
#include <http_log.h>
#include <mpm_common.h>
#include <scoreboard.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <unixd.h>

#include "store/disk/journal.h"
#include "store/recovery/recover.h"
#include "store/disk/journal_thread.h"
#include "store/shm/clock.h"

APLOG_USE_MODULE(push);

/*
 * Children of another segment let go of the state within so many ms; else they
 * are asked to end, then made to, and at last the state is done without.
 */
#define INHERIT_ASK_MS     3000
#define INHERIT_ASK_OLD_MS 1000 /* of a version that does not know of it */
#define INHERIT_KILL_MS    7500
#define INHERIT_END_MS     8500
#define INHERIT_POLL_MS    20

/* ---- the parent ---- */

static push_owner_t owner(void)
{
    if (geteuid()) {
        return (push_owner_t){geteuid(), getegid()};
    }
    return (push_owner_t){ap_unixd_config.user_id, ap_unixd_config.group_id};
}

static bool is_wanted(const push_global_t *global)
{
    return global->state_dir && global->durability != PUSH_DURABILITY_MEMORY;
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
    if (restored->unassigned) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "PUSH0330: PushShmSize is too small: of %" APR_UINT64_T_FMT
            " users it is forgotten to which channels the server "
            "subscribes them",
            restored->unassigned);
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "PUSH0073: PushStateDir: came back: %" APR_UINT64_T_FMT
                 " messages, %" APR_UINT64_T_FMT " devices, %" APR_UINT64_T_FMT
                 " idempotency keys, %" APR_UINT64_T_FMT
                 " revocations, %" APR_UINT64_T_FMT
                 " to be published later, %" APR_UINT64_T_FMT
                 " users whom the server subscribes; %" APR_UINT64_T_FMT
                 " expired meanwhile",
                 restored->messages, restored->devices, restored->keys,
                 restored->revocations, restored->laters, restored->assigned,
                 restored->expired);
}

/* False, with the reason in why: refused. */
static bool recover(server_rec *s, push_store_t *store,
                    const push_state_kept_t *kept, push_sentence_t *why)
{
    const push_state_t state = {kept->dir, kept->size, owner(), kept->lock};
    push_recovery_t recovery;
    push_recover_status_t status = push_recover(store, &state, &recovery);

    if (status == PUSH_RECOVER_REFUSED) {
        *why = recovery.why;
        return false;
    }
    if (status == PUSH_RECOVER_NOT_WRITTEN) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "PUSH0074: PushStateDir: cannot write the state anew, "
                     "the old file stays in use: %s",
                     recovery.why.text);
        recovery.why.text[0] = '\0';
    }
    log_recovery(s, &recovery);
    return true;
}

static bool is_too_long(const char *dir)
{
    return strlen(dir) >= sizeof(((push_state_kept_t *)NULL)->dir);
}

static const char too_long[] = "is too long a path";

/* A key is written down before it can be used. */
static bool name_state(const push_global_t *global, push_state_kept_t *kept,
                       push_sentence_t *why)
{
    kept->lock = -1;
    kept->dir[0] = '\0';
    if (is_too_long(global->state_dir)) {
        strcpy(why->text, too_long);
        return false;
    }
    strcpy(kept->dir, global->state_dir);
    snprintf(kept->file, sizeof(kept->file), "%s/" PUSH_STATE_FILE, kept->dir);
    kept->size = (uint64_t)global->state_size;
    return true;
}

/*
 * The user who tests a configuration need not be the one who starts the
 * server: to somebody else than root the directory may also belong to those
 * that root would start.
 */
bool push_state_check(server_rec *s, const push_global_t *global)
{
    const push_owner_t served = {ap_unixd_config.user_id,
                                 ap_unixd_config.group_id};
    push_owner_t who = owner();
    push_sentence_t why;

    if (!is_wanted(global)) {
        return true;
    }
    if (is_too_long(global->state_dir)) {
        refuse(s, global->state_dir, too_long);
        return false;
    }
    if (push_statedir_check(global->state_dir, &who, &why)
        || (geteuid()
            && push_statedir_check(global->state_dir, &served, &why))) {
        return true;
    }
    refuse(s, global->state_dir, why.text);
    return false;
}

int push_state_recover(server_rec *s, const push_global_t *global,
                       push_store_t *store, push_state_kept_t *kept)
{
    push_owner_t who = owner();
    push_sentence_t why;

    if (!is_wanted(global)) {
        return OK;
    }
    if (name_state(global, kept, &why)) {
        kept->lock = push_statedir_prepare(kept->dir, &who, &why);
    }
    return kept->lock >= 0 && recover(s, store, kept, &why)
               ? OK
               : refuse(s, global->state_dir, why.text);
}

/* ---- the parent, while children of another segment go ---- */

/* All that stand there are of before: new ones come when this is over. */
static void signal_children(int signal)
{
    int count = ap_exists_scoreboard_image()
                    ? ap_get_scoreboard_global()->server_limit
                    : 0;

    for (int i = 0; i < count; i++) {
        const process_score *process = ap_get_scoreboard_process(i);

        if (process && process->pid > 0) {
            ap_mpm_safe_kill(process->pid, signal);
        }
    }
}

static void urge(server_rec *s, int signal)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                 "PUSH0144: PushStateDir: children from before the restart "
                 "still hold the state: they get %s",
                 signal == SIGTERM ? "SIGTERM" : "SIGKILL");
    signal_children(signal);
}

/* The descriptor of the lock, or a negative number and why. */
static int await_lock(server_rec *s, const char *dir, int ask_ms,
                      push_sentence_t *why)
{
    const int steps[] = {ask_ms, INHERIT_KILL_MS, INHERIT_END_MS};
    const push_owner_t who = owner();
    int64_t start = push_clock_now().mono;
    int lock = push_statedir_prepare(dir, &who, why);
    unsigned step = 0;

    while (lock == PUSH_STATEDIR_IN_USE) {
        if (push_clock_now().mono >= start + steps[step]) {
            if (step == 2) {
                break;
            }
            urge(s, step++ ? SIGKILL : SIGTERM);
        }
        apr_sleep(apr_time_from_msec(INHERIT_POLL_MS));
        lock = push_statedir_prepare(dir, &who, why);
    }
    return lock;
}

void push_state_inherit(server_rec *s, const push_global_t *global,
                        push_store_t *store, push_state_kept_t *kept,
                        bool knows)
{
    push_sentence_t why;

    if (!is_wanted(global)) {
        return;
    }
    if (name_state(global, kept, &why)) {
        kept->lock = await_lock(
            s, kept->dir, knows ? INHERIT_ASK_MS : INHERIT_ASK_OLD_MS, &why);
    }
    if (kept->lock >= 0 && recover(s, store, kept, &why)) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                 "PUSH0142: PushStateDir %s %s: until a full restart all that "
                 "is published is in memory alone",
                 global->state_dir, why.text);
    if (kept->lock >= 0) {
        close(kept->lock);
    }
    kept->lock = -1;
    kept->dir[0] = '\0';
}

void push_state_compare(server_rec *s, const push_global_t *global,
                        const push_state_kept_t *kept)
{
    const char *dir = is_wanted(global) ? global->state_dir : "";

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

void push_state_retire(push_store_t *store, push_state_kept_t *kept)
{
    if (push_journal_retire(store) && kept->dir[0] && kept->lock >= 0) {
        close(kept->lock);
        kept->lock = -1;
    }
}
