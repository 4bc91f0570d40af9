noinst_LIBRARIES += %D%/libnet.a
%C%_libnet_a_SOURCES = \
  %D%/topology.c %D%/topology.h %D%/topology_priv.h \
  %D%/topology_graph.c %D%/topology_ops.c \
  %D%/topology_hash.c %D%/topology_print.c \
  %D%/topology_yaml.c %D%/topology_yaml.h \
  %D%/topology_keys.c %D%/topology_keys_priv.h %D%/topology_write.c
%C%_libnet_a_SOURCES += %D%/net.c %D%/net.h
%C%_libnet_a_SOURCES += %D%/stored.c %D%/stored.h
