// Reads lines of `partitions hex-of-the-key` and answers each with what Kafka's own producer does:
// murmur2 of the key and the partition for it.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.HexFormat;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

class Partitions {
  public static void main(String[] args) throws IOException {
    StringBuilder answers = new StringBuilder();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] parts = line.split(" ", 2);
      byte[] key = HexFormat.of().parseHex(parts[1]);
      int partition = BuiltInPartitioner.partitionForKey(key, Integer.parseInt(parts[0]));
      answers.append(Utils.murmur2(key)).append(' ').append(partition).append('\n');
    }
    System.out.print(answers);
  }
}
