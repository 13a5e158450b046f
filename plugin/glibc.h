/*
 * The functions that glibc 2.32 and 2.34 moved into libc.so.6, under the
 * version that they had before: they are the same functions, and with it the
 * plugin also loads where glibc is older, from 2.28 on (RHEL 8, Debian 11).
 * There they are in libpthread, which Fluent Bit has loaded. The Makefile puts
 * this in front of all C of the plugin, that of Go's own runtime included.
 */
#if defined __x86_64__ && !defined __ASSEMBLER__
__asm__(".symver __real_pthread_create, pthread_create@GLIBC_2.2.5"); /* in filter.c */
__asm__(".symver pthread_getattr_np, pthread_getattr_np@GLIBC_2.2.5");
__asm__(".symver pthread_attr_getstack, pthread_attr_getstack@GLIBC_2.2.5");
__asm__(".symver pthread_attr_getstacksize, pthread_attr_getstacksize@GLIBC_2.2.5");
__asm__(".symver pthread_key_create, pthread_key_create@GLIBC_2.2.5");
__asm__(".symver pthread_getspecific, pthread_getspecific@GLIBC_2.2.5");
__asm__(".symver pthread_setspecific, pthread_setspecific@GLIBC_2.2.5");
__asm__(".symver pthread_sigmask, pthread_sigmask@GLIBC_2.2.5");
#endif
