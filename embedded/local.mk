noinst_LIBRARIES += %D%/libembedded.a
%C%_libembedded_a_SOURCES = \
  %D%/statement.c %D%/statement.h %D%/decode.c %D%/decode.h %D%/exception.c %D%/exception.h \
  %D%/running.c %D%/running.h %D%/data.c %D%/data.h %D%/engine.c %D%/engine.h \
  %D%/request.c %D%/request.h %D%/reply.c %D%/reply.h
%C%_libembedded_a_CPPFLAGS = $(AM_CPPFLAGS) $(COMPRESSION_CFLAGS)

bin_PROGRAMS += bxb-clickhouse
bxb_clickhouse_SOURCES = %D%/main.c %D%/listener.c %D%/listener.h
bxb_clickhouse_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS)
bxb_clickhouse_LDADD = %D%/libembedded.a base/libbase.a \
  $(MHD_LIBS) $(COMPRESSION_LIBS) $(CRYPTO_LIBS) -ldl
EXTRA_DIST += %D%/README.md
