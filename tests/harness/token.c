#include "token.h"

#include <check.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jws.h"
#include "keep.h"

static void remove_file(void *path)
{
    unlink(path);
    free(path);
}

void token_file_replace(const char *path, const char *text, mode_t mode)
{
    const char *beside = keep_printf("%s.new", path);
    const struct group *group = getgrnam("www-data");
    FILE *f = fopen(beside, "w");

    ck_assert_msg(f != NULL, "cannot write %s", beside);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(beside, mode), 0);
    if (geteuid() == 0 && group != NULL) {
        ck_assert_int_eq(chown(beside, 0, group->gr_gid), 0);
    }
    ck_assert_int_eq(rename(beside, path), 0);
}

const char *token_file(const char *text, mode_t mode)
{
    char *path = keep(strdup("/tmp/push-token-XXXXXX"), remove_file);
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    token_file_replace(path, text, mode);
    return path;
}

long token_time(long from_now)
{
    return (long)time(NULL) + from_now;
}

const char *token_sign(const char *payload)
{
    const struct jws_signer signer = {"HS256", TOKEN_SECRET, NULL};

    return keep(jws_sign(&signer, NULL, payload), free);
}

const char *token_claims(const char *user, const char *more)
{
    return keep_printf("{\"sub\":\"%s\",\"iat\":%ld,\"exp\":%ld%s}", user,
                       token_time(0), token_time(300), more);
}

const char *token_bearer(const char *user, const char *more)
{
    return keep_printf("Authorization: Bearer %s\r\n",
                       token_sign(token_claims(user, more)));
}

struct server *token_server(const char *receive, const char *admin)
{
    const char *key = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                                  token_file(TOKEN_SECRET, 0640));
    struct server_options o = {0};

    o.receive = keep_printf("%s%s", key, receive);
    o.admin = keep_printf("%sRequire all granted\n%s", key, admin);
    return server_start(&o);
}

const char *token_root(void)
{
    return token_bearer("root", ",\"push_admin\":true,\"push_publish\":\"*\"");
}
