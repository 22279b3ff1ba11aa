noinst_LIBRARIES += %D%/libadmin.a
%C%_libadmin_a_SOURCES = %D%/admin.c %D%/address.c %D%/admin.h
%C%_libadmin_a_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS)
EXTRA_DIST += %D%/README.md
