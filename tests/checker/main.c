/* main.c - push-checker: see README.md. */
#include <string.h>

#include "checker.h"

int main(int argc, char **argv)
{
    struct checker c;
    int i, failed = 0;
    unsigned violations = 0;

    memset(&c, 0, sizeof(c));
    c.out = stdout;
    if (argc < 2) {
        failed = checker_read(&c, stdin, "stdin");
    }
    for (i = 1; i < argc && !failed; i++) {
        FILE *in = fopen(argv[i], "r");

        if (!in) {
            fprintf(stderr, "push-checker: %s cannot be read\n", argv[i]);
            failed = -1;
            break;
        }
        failed = checker_read(&c, in, argv[i]);
        fclose(in);
    }
    if (!failed) {
        violations = checker_judge(&c);
    }
    checker_cleanup(&c);
    return failed ? 2 : violations ? 1 : 0;
}
