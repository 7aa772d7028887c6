#include "http/sources/sources.h"

#include <httpd.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <string.h>
#include <sys/mman.h>

#include "http/params.h"
#include "http/identity/scope.h"
#include "http/runtime.h"
#include "http/sources/figures.h"
#include "http/sources/take.h"

APLOG_USE_MODULE(push);

/* Made by the parent before it forks; read by the children. */
struct push_source_t {
    push_source_options_t options;
    push_source_taking_t taking;
    push_source_figures_t *figures;
};

static push_source_t all[PUSH_SOURCES_MAX];
static unsigned all_count;
static push_source_figures_t *figures; /* of all; NULL: there is no source */

#define FIGURES_BYTES (PUSH_SOURCES_MAX * sizeof(*figures))

/* ---- in the parent ---- */

static bool is_name(const char *name)
{
    size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789._-")
                      : 0;

    return len && len <= PUSH_SOURCE_NAME_MAX && !name[len];
}

static const char *push_source_wrong(apr_pool_t *pool,
                                     const push_source_options_t *options)
{
    if (options->seam != PUSH_SOURCE_SEAM) {
        return apr_psprintf(pool,
                            "the module is made for another mod_push: its "
                            "seam is %u, not %d",
                            options->seam, PUSH_SOURCE_SEAM);
    }
    if (!is_name(options->name)) {
        return apr_psprintf(pool,
                            "NAME must be 1 to %d letters, digits, '.', '_' "
                            "or '-', not \"%s\"",
                            PUSH_SOURCE_NAME_MAX,
                            options->name ? options->name : "");
    }
    for (int i = 0; options->allow && i < options->allow->nelts; i++) {
        const char *scope = APR_ARRAY_IDX(options->allow, i, const char *);

        if (!push_scope_valid(scope)) {
            return apr_psprintf(pool,
                                "allow= must be user:PATTERN, "
                                "channel:PATTERN, broadcast or *, where a "
                                "PATTERN is a name, prefix* or *, not \"%s\"",
                                scope);
        }
    }
    return NULL;
}

static apr_status_t give_back(void *unused)
{
    (void)unused;
    munmap(figures, FIGURES_BYTES);
    figures = NULL;
    all_count = 0;
    return APR_SUCCESS;
}

/* Small, and what was counted before is gone with a restart. */
static bool make_figures(server_rec *server)
{
    void *base;

    if (figures) {
        return true;
    }
    base = mmap(NULL, FIGURES_BYTES, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, errno, server,
                     "PUSH0270: cannot make the memory of what is counted of "
                     "sources");
        return false;
    }
    figures = base;
    all_count = 0;
    apr_pool_cleanup_register(server->process->pconf, NULL, give_back,
                              apr_pool_cleanup_null);
    return true;
}

static const char *conflict(const char *name)
{
    for (unsigned i = 0; i < all_count; i++) {
        if (!strcmp(all[i].options.name, name)) {
            return "there is another source of this name";
        }
    }
    return all_count == PUSH_SOURCES_MAX ? "there are 64 sources already"
                                         : NULL;
}

static push_source_t *push_source_declare(server_rec *server,
                                          const push_source_options_t *options)
{
    apr_pool_t *pool = server->process->pconf;
    push_source_t *source;
    const char *why;

    if (!make_figures(server)) {
        return NULL;
    }
    source = &all[all_count];
    why = conflict(options->name);
    if (why) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, server,
                     "PUSH0271: source %s: %s", options->name, why);
        return NULL;
    }
    source->options = *options;
    source->taking = (push_source_taking_t){
        .settings = ap_get_module_config(server->lookup_defaults,
                                         &push_module),
        .who = push_text_of(
            apr_pstrcat(pool, "$source:", options->name, NULL)),
        .allowed = options->allow
                       ?: apr_array_make(pool, 1, sizeof(const char *))};
    source->figures = &figures[all_count++];
    atomic_store(&source->figures->waiting, -1);
    return source;
}

/* ---- in a child ---- */

static void put_off(push_source_item_t *items, apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        items[i].outcome = PUSH_SOURCE_LATER;
        items[i].why = "this child is about to end, or could not begin";
    }
}

static void count_outcomes(push_source_figures_t *to,
                           const push_source_item_t *items, apr_size_t count)
{
    uint64_t counts[3] = {0};

    for (apr_size_t i = 0; i < count; i++) {
        counts[items[i].outcome]++;
    }
    atomic_fetch_add(&to->taken, counts[PUSH_SOURCE_SAFE]);
    atomic_fetch_add(&to->refused, counts[PUSH_SOURCE_REFUSED]);
    atomic_fetch_add(&to->put_off, counts[PUSH_SOURCE_LATER]);
}

static void push_source_take(push_source_t *source, apr_pool_t *pool,
                             push_source_item_t *items, apr_size_t count)
{
    push_source_taking_t taking = source->taking;

    taking.now = push_clock_now().wall;
    if (push_runtime() && !push_runtime_superseded()) {
        push_sources_take(&taking, pool, items, count);
    }
    else {
        put_off(items, count);
    }
    count_outcomes(source->figures, items, count);
}

static void push_source_tell(push_source_t *source, int connected,
                             apr_int64_t waiting)
{
    atomic_store(&source->figures->connected, connected ? 1 : 0);
    atomic_store(&source->figures->waiting, waiting);
}

const char *push_source_at(unsigned index, const push_source_figures_t **of)
{
    if (!figures || index >= all_count) {
        return NULL;
    }
    *of = all[index].figures;
    return all[index].options.name;
}

/* ---- the seam ---- */

void push_sources_register(void)
{
    APR_REGISTER_OPTIONAL_FN(push_source_wrong);
    APR_REGISTER_OPTIONAL_FN(push_source_declare);
    APR_REGISTER_OPTIONAL_FN(push_source_take);
    APR_REGISTER_OPTIONAL_FN(push_source_tell);
}
