/* fsync and fdatasync fail with EIO, and write nothing, while the file $FAULT_WHILE lies there, on files whose path
   holds $FAULT_ON. Each failure is noted in $FAULT_WHILE itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failing(int fd) {
    const char *flag = getenv("FAULT_WHILE"), *on = getenv("FAULT_ON");
    char link[64], path[4096];
    if (!flag || !on || access(flag, F_OK)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, on)) return 0;
    int noted = open(flag, O_WRONLY | O_APPEND);
    if (noted >= 0) {
        ssize_t done = write(noted, "x", 1);
        (void)done;
        close(noted);
    }
    return 1;
}

#define FAILING(name)                                     \
    int name(int fd) {                                    \
        static int (*real)(int);                          \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name); \
        if (!failing(fd)) return real(fd);                \
        errno = EIO;                                      \
        return -1;                                        \
    }

FAILING(fsync)
FAILING(fdatasync)
