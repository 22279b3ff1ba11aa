noinst_LIBRARIES += %D%/libkafka.a
%C%_libkafka_a_SOURCES = \
  %D%/kafka.h %D%/conf.c %D%/conf.h \
  %D%/partition.c %D%/partition.h \
  %D%/producer.c %D%/producer.h \
  %D%/topic.c %D%/topic.h \
  %D%/consumer.c %D%/consumer.h
%C%_libkafka_a_CPPFLAGS = $(AM_CPPFLAGS) $(RDKAFKA_CFLAGS) $(JANSSON_CFLAGS)
EXTRA_DIST += %D%/README.md
