#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_URL "http://127.0.0.1:8080/push"
#define FILE_MAX    65536

enum { LEVEL_FILE = 1, LEVEL_ENVIRONMENT, LEVEL_LINE };

/* The first CTL_SETTINGS are those that the environment and the file have
 * too; the first three of them exclude each other. */
const struct ctl_option ctl_globals[] = {
    {'T', "token", "TOKEN", "bearer token"},
    {OPT_TOKEN_FILE, "token-file", "FILE", "bearer token, its first line"},
    {OPT_BASIC, "basic", "USER:PASS", "basic authentication"},
    {'L', "url", "URL", "the administration: " DEFAULT_URL},
    {'W', "timeout", "SECONDS", "wait so long for an answer: 10"},
    {OPT_CACERT, "cacert", "FILE", "CA certificates that are trusted, PEM"},
    {OPT_CERT, "cert", "FILE", "client certificate, PEM"},
    {OPT_KEY, "key-file", "FILE", "its key, PEM"},
    {OPT_PIN, "pin", "PIN", "pinned key of the server, sha256//BASE64"},
    {OPT_PROXY, "proxy", "URL", "proxy"},
    {'H', "header", "HEADER", "one more request header, 'NAME: VALUE'"},
    {CTL_CONFIG, "config", "FILE", "settings: ~/.config/pushctl/config"},
    {'j', "json", NULL, "JSON, for programs"},
    {'v', "verbose", NULL, "tell on stderr what happens"},
    {OPT_VERSION, "version", NULL, "print the version"},
    {OPT_HELP, "help", NULL, "print this"},
    {0, NULL, NULL, NULL},
};

#define IDENTITIES 3

static void put(struct ctl_settings *s, int row, int level, const char *value)
{
    if (level >= s->of[row].level) {
        s->of[row].level = level;
        s->of[row].value = value;
    }
}

int ctl_settings_option(struct ctl_settings *s, struct common *c, int option,
                        const char *value)
{
    for (int i = 0; i < CTL_SETTINGS; i++) {
        if (ctl_globals[i].code == option) {
            put(s, i, LEVEL_LINE, value);
            return 0;
        }
    }
    if (option == CTL_CONFIG) {
        s->config = value;
        return 0;
    }
    return common_option(c, option, value);
}

/* ---- the environment ---- */

/* PUSHCTL_TOKEN_FILE for token-file. */
static const char *environment_of(const char *name)
{
    char text[64] = "PUSHCTL_";
    size_t at = strlen(text);

    for (; *name && at < sizeof(text) - 1; name++) {
        text[at++] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
    }
    text[at] = '\0';
    return getenv(text);
}

static void read_environment(struct ctl_settings *s)
{
    for (int i = 0; i < CTL_SETTINGS; i++) {
        const char *value = environment_of(ctl_globals[i].name);

        if (value && *value) {
            put(s, i, LEVEL_ENVIRONMENT, value);
        }
    }
}

/* ---- the file ---- */

static char *trim(char *text)
{
    char *end;

    while (isspace((unsigned char)*text)) {
        text++;
    }
    end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) {
        end--;
    }
    *end = '\0';
    return text;
}

/* name = value, a comment, or nothing. */
static int take_line(struct ctl_settings *s, char *line)
{
    char *name = trim(line);
    char *equals = strchr(name, '=');

    if (*name == '\0' || *name == '#') {
        return 0;
    }
    if (!equals) {
        return -1;
    }
    *equals = '\0';
    name = trim(name);
    for (int i = 0; i < CTL_SETTINGS; i++) {
        if (strcmp(ctl_globals[i].name, name) == 0) {
            put(s, i, LEVEL_FILE, trim(equals + 1));
            return 0;
        }
    }
    return -1;
}

static void take_lines(struct ctl_settings *s, const struct common *c,
                       const char *path)
{
    char *line = s->text;

    for (int number = 1; line; number++) {
        char *end = strchr(line, '\n');

        if (end) {
            *end = '\0';
        }
        if (take_line(s, line) != 0) {
            common_usage(c, "%s: line %d is no \"name = value\" of a setting",
                         path, number);
        }
        line = end ? end + 1 : NULL;
    }
}

/* What others can read is no secret. */
static void warn_of_readers(const struct ctl_settings *s,
                            const struct common *c, const char *path, FILE *f)
{
    struct stat st;

    if (fstat(fileno(f), &st) != 0 || !(st.st_mode & (S_IRGRP | S_IROTH))) {
        return;
    }
    for (int i = 0; i < IDENTITIES; i++) {
        if (s->of[i].level == LEVEL_FILE
            && ctl_globals[i].code != OPT_TOKEN_FILE) {
            common_say(c, "%s: others can read the %s in it: chmod 600", path,
                       ctl_globals[i].name);
        }
    }
}

/* A file that nobody named may be absent. */
static void read_file(struct ctl_settings *s, const struct common *c,
                      const char *path, int named)
{
    FILE *f = fopen(path, "r");
    size_t n = 0;

    if (!f) {
        if (named || errno != ENOENT) {
            common_usage(c, "%s: %s", path, strerror(errno));
        }
        return;
    }
    s->text = malloc(FILE_MAX);
    if (s->text) {
        n = fread(s->text, 1, FILE_MAX - 1, f);
        s->text[n] = '\0';
    }
    if (!s->text || ferror(f) || n == FILE_MAX - 1 || strlen(s->text) < n) {
        common_usage(c, "%s: is no text of less than %d bytes", path,
                     FILE_MAX);
    }
    take_lines(s, c, path);
    warn_of_readers(s, c, path, f);
    fclose(f);
}

static void read_config(struct ctl_settings *s, const struct common *c)
{
    const char *named = s->config ? s->config : getenv("PUSHCTL_CONFIG");
    const char *xdg = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    char path[4096];

    if (named && *named) {
        read_file(s, c, named, 1);
    }
    else if (xdg && *xdg) {
        snprintf(path, sizeof(path), "%s/pushctl/config", xdg);
        read_file(s, c, path, 0);
    }
    else if (home && *home) {
        snprintf(path, sizeof(path), "%s/.config/pushctl/config", home);
        read_file(s, c, path, 0);
    }
}

/* ---- what counts ---- */

/* Of the ways to say who I am, the one that was said last. */
static void choose_identity(struct ctl_settings *s, const struct common *c)
{
    int best = 0;

    for (int i = 1; i < IDENTITIES; i++) {
        if (s->of[i].level > s->of[best].level) {
            best = i;
        }
    }
    for (int i = 0; i < IDENTITIES; i++) {
        if (i != best && s->of[best].level
            && s->of[i].level == s->of[best].level) {
            common_usage(c, "--%s and --%s exclude each other",
                         ctl_globals[best].name, ctl_globals[i].name);
        }
        if (i != best) {
            s->of[i].value = NULL;
        }
    }
}

static void drop_slashes(struct ctl *c)
{
    size_t n = strlen(c->common.pushc.url);

    while (n > 0 && c->common.pushc.url[n - 1] == '/') {
        n--;
    }
    if (c->common.pushc.url[n] != '\0') {
        c->url = strndup(c->common.pushc.url, n);
        c->common.pushc.url = c->url ? c->url : c->common.pushc.url;
    }
}

void ctl_settings_finish(struct ctl_settings *s, struct ctl *c)
{
    read_config(s, &c->common);
    read_environment(s);
    choose_identity(s, &c->common);
    c->timeout = 10;
    c->common.pushc.url = DEFAULT_URL;
    for (int i = 0; i < CTL_SETTINGS; i++) {
        const char *value = s->of[i].value;

        if (value && ctl_globals[i].code == 'W') {
            c->timeout = common_number(&c->common, "--timeout", value, 1,
                                       86400);
        }
        else if (value) {
            common_option(&c->common, ctl_globals[i].code, value);
        }
    }
    drop_slashes(c);
}

void ctl_settings_cleanup(struct ctl_settings *s)
{
    free(s->text);
    s->text = NULL;
}
