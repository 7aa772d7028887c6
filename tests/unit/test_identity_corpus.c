#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_suite.h"

/* What the fuzzer of tokens starts from, and what it ever found. */

#define CORPUS "tests/fuzz/corpus/jwt"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *name)
{
    uint8_t bytes[16384];
    char path[512];
    size_t size;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
    f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "cannot open %s", path);
    size = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    /* Whole, and cut at every place. */
    for (size_t i = 0; i <= size; i++) {
        ck_assert_int_eq(LLVMFuzzerTestOneInput(bytes, i), 0);
    }
}

START_TEST(the_corpus_of_tokens_is_handled)
{
    DIR *directory = opendir(CORPUS);
    const struct dirent *entry;
    int count = 0;

    ck_assert_msg(directory != NULL, "cannot open %s", CORPUS);
    for (entry = readdir(directory); entry; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            replay(entry->d_name);
            count++;
        }
    }
    closedir(directory);
    ck_assert_int_ge(count, 10);
}
END_TEST

START_TEST(random_bytes_are_handled)
{
    dice_t d = dice((uint64_t)_i);
    uint8_t bytes[300];

    for (int i = 0; i < 20000; i++) {
        size_t size = 1 + dice_below(&d, sizeof(bytes) - 1);

        for (size_t j = 1; j < size; j++) {
            bytes[j] = (uint8_t)dice_below(&d, 256);
        }
        bytes[0] = (uint8_t)('0' + _i);
        LLVMFuzzerTestOneInput(bytes, size);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("corpus");
    TCase *tc = unit_case(suite, "corpus", 120);

    tcase_add_test(tc, the_corpus_of_tokens_is_handled);
    tcase_add_loop_test(tc, random_bytes_are_handled, 0, 4);
    return unit_run(suite);
}
