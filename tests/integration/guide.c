#include "guide.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"

#define FENCE    "```"
#define ANYTHING "\xe2\x80\xa6" /* "…" in UTF-8 */
#define BLOCKS   64
#define STEPS    32

/* ---- blocks of a page ---- */

/* The line at text without its end; *next is behind that. */
static const char *line_of(const char *text, const char **next)
{
    const char *end = strchrnul(text, '\n');

    *next = *end != '\0' ? end + 1 : end;
    return keep_copy(text, (size_t)(end - text));
}

static struct guide_block opened(const char *fence, int number)
{
    struct guide_block b = {.mark = "", .text = "", .line = number};
    const char *words = fence + strlen(FENCE);
    const char *space = strchr(words, ' ');

    b.language = words;
    if (space != NULL) {
        b.language = keep_copy(words, (size_t)(space - words));
        b.mark = space + 1;
    }
    return b;
}

const struct guide_block *guide_read(const char *page)
{
    struct guide_block *blocks = keep(calloc(BLOCKS, sizeof(*blocks)), free);
    const char *text = keep_file(page, NULL);
    bool within = false;
    int count = 0, number = 0;

    ck_assert_msg(*text != '\0', "no page %s", page);
    while (*text != '\0') {
        const char *line = line_of(text, &text);

        number++;
        if (strncmp(line, FENCE, strlen(FENCE)) == 0) {
            within = !within;
            if (within) {
                ck_assert_int_lt(count, BLOCKS - 1);
                blocks[count] = opened(line, number);
            }
            else {
                count++;
            }
        }
        else if (within) {
            blocks[count].text = keep_printf("%s%s\n", blocks[count].text,
                                             line);
        }
    }
    ck_assert_msg(!within, "%s:%d: a block without an end", page,
                  blocks[count].line);
    blocks[count].language = NULL;
    return blocks;
}

/* ---- commands of a block ---- */

/* True where the last line ends in a backslash, or a here-document that ends
 * with a line END is open. */
static bool goes_on(const char *command)
{
    const char *end = command + strlen(command);

    if (strstr(command, "<<'END'") != NULL) {
        return end - command < 4 || strcmp(end - 4, "\nEND") != 0;
    }
    return end > command && end[-1] == '\\';
}

const struct guide_step *guide_steps(const struct guide_block *block)
{
    struct guide_step *steps = keep(calloc(STEPS, sizeof(*steps)), free);
    const char *text = block->text;
    int last = -1;
    bool command = false;

    while (*text != '\0') {
        const char *line = line_of(text, &text);

        if (strncmp(line, "$ ", 2) == 0) {
            ck_assert_int_lt(last + 1, STEPS - 1);
            steps[++last] = (struct guide_step){line + 2, ""};
            command = goes_on(line);
            continue;
        }
        ck_assert_msg(last >= 0, "line %d: what says this?", block->line);
        if (command) {
            steps[last].command = keep_printf("%s\n%s", steps[last].command,
                                              line);
            command = goes_on(steps[last].command);
        }
        else {
            steps[last].says = keep_printf("%s%s\n", steps[last].says, line);
        }
    }
    return steps;
}

/* ---- what a command says ---- */

/* True where a character that comes behind what ends at end is one too many:
 * a carriage return, a space behind a space, one that begins a line, or a
 * second empty line. */
static bool is_spare(char c, const char *begin, const char *end)
{
    if (c == ' ') {
        return end == begin || end[-1] == ' ' || end[-1] == '\n';
    }
    if (c == '\n') {
        return end - begin > 1 && end[-1] == '\n' && end[-2] == '\n';
    }
    return c == '\r';
}

/* A copy without what does not matter; with joined, without the ends of lines
 * that go on in the next one. */
static const char *squeezed(const char *text, bool joined)
{
    char *copy = keep_copy(text, strlen(text));
    char *to = copy;

    text += strspn(text, " \r\n");
    for (; *text != '\0'; text++) {
        if (joined && to > copy && to[-1] == ',' && text[0] == '\n'
            && text[1] == ' ') {
            text += strspn(text + 1, " ");
        }
        else if (!is_spare(*text, copy, to)) {
            *to++ = *text;
        }
    }
    while (to > copy && strchr(" \n", to[-1]) != NULL) {
        to--;
    }
    *to = '\0';
    return copy;
}

static bool agrees(const char *first, const char *p, const char *t, bool more)
{
    size_t length = strlen(ANYTHING);
    bool lines;

    for (; strncmp(p, ANYTHING, length) != 0; p++, t++) {
        if (*p == '\0') {
            return *t == '\0' || (more && *t == '\n');
        }
        if (*p != *t) {
            return false;
        }
    }
    lines = (p == first || p[-1] == '\n')
            && (p[length] == '\n' || p[length] == '\0');
    for (p += length; !agrees(first, p, t, more); t++) {
        if (*t == '\0' || (*t == '\n' && !lines)) {
            return false;
        }
    }
    return true;
}

bool guide_agrees(const char *says, const char *said, bool more)
{
    const char *pattern = squeezed(says, true);

    return agrees(pattern, pattern, squeezed(said, false), more);
}
