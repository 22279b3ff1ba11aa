/* Prints the partition that Kafka's Java client chooses for each key on standard input.
 *
 *     java -cp 'JARS/*' Partition.java PARTITIONS < keys
 *
 * SPDX-License-Identifier: Apache-2.0 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Utils;

public final class Partition {
    public static void main(String[] arguments) throws Exception {
        int partitions = Integer.parseInt(arguments[0]);
        BufferedReader keys =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String key = keys.readLine(); key != null; key = keys.readLine()) {
            int hash = Utils.murmur2(key.getBytes(StandardCharsets.UTF_8));
            System.out.println(Utils.toPositive(hash) % partitions);
        }
    }
}
