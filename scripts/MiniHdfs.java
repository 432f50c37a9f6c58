import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;

/** One namenode and one datanode in one process, for tests. Arguments: folder, RPC port, HTTP port. */
public class MiniHdfs {
    public static void main(String[] arguments) throws Exception {
        Configuration settings = new HdfsConfiguration();
        settings.set("hdfs.minidfs.basedir", arguments[0]);
        settings.setBoolean("dfs.permissions.enabled", false);
        MiniDFSCluster cluster = new MiniDFSCluster.Builder(settings)
            .numDataNodes(1)
            .nameNodePort(Integer.parseInt(arguments[1]))
            .nameNodeHttpPort(Integer.parseInt(arguments[2]))
            .format(true)
            .build();
        cluster.waitActive();
        System.out.println("READY");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> cluster.shutdown()));
        Thread.currentThread().join();
    }
}
