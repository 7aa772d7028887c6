#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "fuzz.h"

/*
 * Gives each file of a corpus to the target that this is linked with:
 *
 *   replay_NAME [DIRECTORY]     tests/fuzz/corpus/NAME
 *
 * Whatever does not hold ends the process, and so no sum is printed.
 */

static char path[1024];

/* Whatever ends the process, it was with this file. */
static void tell(int signal_number)
{
    signal(signal_number, SIG_DFL);
    if (write(STDERR_FILENO, path, strlen(path)) > 0
        && write(STDERR_FILENO, "\n", 1) > 0) {
        raise(signal_number);
    }
}

/* Read by ASan, so that its errors end in tell() too. */
extern const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}

static void replay(void)
{
    FILE *in = fopen(path, "rb");
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&bytes, &size);

    REQUIRE(in && out);
    for (int c = getc(in); c != EOF; c = getc(in)) {
        putc(c, out);
    }
    fclose(in);
    fclose(out);
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
    free(bytes);
}

static int replay_all(const char *directory)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    int count = 0;

    if (!dir) {
        fprintf(stderr, "%s: %s\n", directory, strerror(errno));
        return 0;
    }
    for (entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
            replay();
            count++;
        }
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '_');
    char corpus[256];
    int count;

    signal(SIGABRT, tell);
    signal(SIGSEGV, tell);
    snprintf(corpus, sizeof(corpus), "tests/fuzz/corpus/%s",
             name ? name + 1 : "");
    count = replay_all(argc > 1 ? argv[1] : corpus);
    printf("%d passed, 0 failed\n", count);
    return count ? 0 : 1;
}
