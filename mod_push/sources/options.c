#include "sources/options.h"

#include <apr_strings.h>
#include <string.h>

#include "core/moment.h"

static const push_option_t *find(const push_option_t *options,
                                 const char *word, size_t len)
{
    for (; options->key; options++) {
        if (strlen(options->key) == len && !strncmp(options->key, word, len)) {
            return options;
        }
    }
    return NULL;
}

static const char *keys_of(apr_pool_t *pool, const push_option_t *options)
{
    const char *keys = apr_pstrcat(pool, options->key, "=", NULL);

    for (options++; options->key; options++) {
        keys = apr_pstrcat(pool, keys, options[1].key ? ", " : " or ",
                           options->key, "=", NULL);
    }
    return keys;
}

static bool read_count(const char *text, int64_t *value)
{
    size_t digits = strspn(text, "0123456789");

    *value = digits ? apr_atoi64(text) : 0;
    return digits && digits < 18 && !text[digits];
}

static void add(cmd_parms *cmd, apr_array_header_t **list, const char *text)
{
    if (!*list) {
        *list = apr_array_make(cmd->pool, 4, sizeof(const char *));
    }
    APR_ARRAY_PUSH(*list, const char *) = text;
}

static bool set(cmd_parms *cmd, const push_option_t *option, const char *text,
                void *at)
{
    int64_t value = 0;

    switch (option->kind) {
    case PUSH_OPTION_TEXT:
        *(const char **)at = text;
        return *text != '\0';
    case PUSH_OPTION_LIST:
        add(cmd, at, text);
        return *text != '\0';
    case PUSH_OPTION_COUNT:
    case PUSH_OPTION_TIME:
        break;
    }
    if (!(option->kind == PUSH_OPTION_TIME ? push_span_read(text, "s", &value)
                                           : read_count(text, &value))) {
        return false;
    }
    *(int64_t *)at = value;
    return value >= option->low && value <= option->high;
}

const char *push_options_read(cmd_parms *cmd, const push_option_t *options,
                              char *const words[], void *to)
{
    for (; *words; words++) {
        size_t len = strcspn(*words, "=");
        const push_option_t *option = find(options, *words, len);

        if (!option || (*words)[len] != '=') {
            return apr_psprintf(cmd->pool, "%s: it takes %s, not \"%.*s\"",
                                cmd->cmd->name, keys_of(cmd->pool, options),
                                (int)len, *words);
        }
        if (!set(cmd, option, *words + len + 1, (char *)to + option->at)) {
            return apr_psprintf(cmd->pool, "%s: %s= must be %s",
                                cmd->cmd->name, option->key, option->legal);
        }
    }
    return NULL;
}
