#include "http/admin/status.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "broker/whole.h"
#include "http/admin/health.h"
#include "http/runtime.h"

/*
 * Each figure has one name of small words: "blocking streams".  With ?auto it
 * is the line "PushBlockingStreams: 7", else a row of a table, or with
 * ?notable a line of preformatted text.
 */

typedef struct {
    request_rec *r;
    int flags;
} section_t;

static const char *auto_name(apr_pool_t *pool, const char *name)
{
    char *to = apr_palloc(pool, sizeof("Push") + strlen(name));
    char *at = to + apr_snprintf(to, sizeof("Push"), "Push");

    for (const char *from = name; *from; from++) {
        if (*from != ' ') {
            bool first = from == name || from[-1] == ' ';

            *at++ = (char)(first ? apr_toupper(*from) : *from);
        }
    }
    *at = '\0';
    return to;
}

static void put(const section_t *section, const char *name, const char *value)
{
    request_rec *r = section->r;

    if (section->flags & AP_STATUS_SHORT) {
        ap_rprintf(r, "%s: %s\n", auto_name(r->pool, name), value);
        return;
    }
    ap_rprintf(r,
               section->flags & AP_STATUS_NOTABLE
                   ? "%s: %s\n"
                   : "<tr><th scope=\"row\">%s</th><td>%s</td></tr>\n",
               ap_escape_html(r->pool, name), ap_escape_html(r->pool, value));
}

static void put_number(const section_t *section, const char *name,
                       uint64_t value)
{
    put(section, name,
        apr_psprintf(section->r->pool, "%" APR_UINT64_T_FMT, value));
}

static void put_health(const section_t *section, const push_health_t *health)
{
    put(section, "status", push_health_well(health) ? "ok" : "degraded");
    put(section, "durability", push_durability_word(health->durability));
    if (health->kept) {
        put(section, "disk", push_disk_word(health));
        put_number(section, "state errors", health->errors);
    }
    put_number(section, "children died", health->died);
}

static void put_figures(const section_t *section,
                        const push_stats_view_t *stats)
{
    put_number(section, "streams", stats->streams);
    put_number(section, "blocking streams", stats->bridged);
    put_number(section, "devices", stats->devices);
    put_number(section, "users", stats->users);
    put_number(section, "channels", stats->channels);
    for (int i = 0; i < PUSH_TOTALS; i++) {
        put_number(section, push_total_name((push_total_t)i),
                   stats->counts[i]);
    }
    put_number(section, "recovered", stats->recovered);
    put_number(section, "memory size", stats->memory_size);
    put_number(section, "memory used", stats->memory_used);
}

static void put_all(const section_t *section)
{
    push_broker_t *broker = push_broker();
    push_stats_view_t stats;
    push_health_t health;

    broker->figures(broker, &stats);
    broker->health(broker, &health);
    put_health(section, &health);
    put_figures(section, &stats);
}

/* What stands around the figures, of a page for people. */
static void put_frame(const section_t *section, const char *table,
                      const char *text)
{
    if (!(section->flags & AP_STATUS_SHORT)) {
        ap_rputs(section->flags & AP_STATUS_NOTABLE ? text : table,
                 section->r);
    }
}

int push_status_section(request_rec *r, int flags)
{
    const section_t section = {r, flags};

    put_frame(&section, "<hr>\n<h2>mod_push</h2>\n<table>\n",
              "<hr>\n<h2>mod_push</h2>\n<pre>\n");
    if (push_runtime()) {
        put_all(&section);
    }
    else {
        put(&section, "status", "this child has no part in it");
    }
    put_frame(&section, "</table>\n", "</pre>\n");
    return OK;
}
