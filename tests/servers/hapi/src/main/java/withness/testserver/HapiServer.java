package withness.testserver;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.interceptor.api.Hook;
import ca.uhn.fhir.interceptor.api.IInterceptorService;
import ca.uhn.fhir.interceptor.api.Interceptor;
import ca.uhn.fhir.interceptor.api.Pointcut;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.rest.server.HardcodedServerAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import ca.uhn.fhir.rest.server.exceptions.PreconditionFailedException;
import ca.uhn.fhir.rest.server.exceptions.ResourceVersionConflictException;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import javax.sql.DataSource;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.h2.jdbcx.JdbcConnectionPool;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * A HAPI FHIR R4 JPA server for tests: {@code HapiServer FOLDER PORT}.
 *
 * <p>Serves http://127.0.0.1:PORT/fhir from an H2 file database in FOLDER, and prints one line
 * {@code READY http://127.0.0.1:PORT/fhir} on stdout when it answers. Everything that HAPI does by default for a
 * write is left on; what only costs start-up time (schedulers, subscriptions, full-text search) is off.
 *
 * <p>Two switches, both off unless given as {@code -D...=true}: {@code withness.status412} answers a stale If-Match
 * with 412, as the FHIR specification says, where HAPI itself answers 409; {@code withness.exitOnStdinEof} ends the
 * process when its standard input closes, so that no server outlives the test run that started it.
 */
public final class HapiServer {
  private static final String BASE_PATH = "/fhir";

  private HapiServer() {}

  public static void main(String[] args) throws Exception {
    if (args.length != 2) {
      System.err.println("usage: HapiServer FOLDER PORT");
      System.exit(2);
    }
    try {
      run(Path.of(args[0]).toAbsolutePath(), Integer.parseInt(args[1]));
    } catch (Throwable e) {
      e.printStackTrace();
      Runtime.getRuntime().halt(1); // HAPI's thread pools would keep the process alive
    }
  }

  private static void run(Path folder, int port) throws Exception {
    if (Boolean.getBoolean("withness.exitOnStdinEof")) {
      exitOnStdinEof();
    }
    Files.createDirectories(folder);
    System.setProperty("withness.folder", folder.toString());
    System.setProperty("scheduling_disabled", "true"); // HAPI's own switch for every Quartz job

    AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext(Wiring.class);
    String base = "http://127.0.0.1:" + port + BASE_PATH;
    Server jetty = serve(context, base, port);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> shutDown(jetty)));
    System.out.println("READY " + base);
    System.out.flush();
    jetty.join();
  }

  private static void exitOnStdinEof() {
    Thread watcher =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {}
              } catch (IOException e) {
                e.printStackTrace();
              }
              Runtime.getRuntime().halt(1);
            },
            "stdin-watcher");
    watcher.setDaemon(true);
    watcher.start();
  }

  private static Server serve(AnnotationConfigApplicationContext context, String base, int port) throws Exception {
    RestfulServer fhir = new RestfulServer(context.getBean(FhirContext.class));
    fhir.setInterceptorService(context.getBean(IInterceptorService.class));
    fhir.registerProviders(context.getBean("myResourceProvidersR4", ResourceProviderFactory.class).createProviders());
    fhir.registerProvider(context.getBean("mySystemProviderR4"));
    fhir.setPagingProvider(context.getBean(DatabaseBackedPagingProvider.class));
    if (Boolean.getBoolean("withness.status412")) {
      fhir.registerInterceptor(new StaleIfMatchIs412());
    }
    fhir.setServerAddressStrategy(new HardcodedServerAddressStrategy(base));
    fhir.setServerConformanceProvider(
        new JpaCapabilityStatementProvider(
            fhir,
            context.getBean("mySystemDaoR4", IFhirSystemDao.class),
            context.getBean(JpaStorageSettings.class),
            context.getBean(ISearchParamRegistry.class),
            context.getBean(IValidationSupport.class)));

    Server jetty = new Server();
    ServerConnector connector = new ServerConnector(jetty);
    connector.setHost("127.0.0.1");
    connector.setPort(port);
    jetty.addConnector(connector);
    ServletContextHandler handler = new ServletContextHandler("/");
    ServletHolder holder = new ServletHolder(fhir);
    holder.setInitOrder(1); // initialise now, so that READY means ready
    handler.addServlet(holder, BASE_PATH + "/*");
    jetty.setHandler(handler);
    jetty.start();
    return jetty;
  }

  /** Lets the requests in hand finish. The database needs no closing: every commit is in its file already. */
  private static void shutDown(Server jetty) {
    try {
      jetty.stop();
    } catch (Exception e) {
      e.printStackTrace();
    }
  }

  /** Turns HAPI's 409 for a stale If-Match into the specification's 412, with the same OperationOutcome text. */
  @Interceptor
  public static final class StaleIfMatchIs412 {

    @Hook(Pointcut.SERVER_PRE_PROCESS_OUTGOING_EXCEPTION)
    public BaseServerResponseException map(Throwable thrown) {
      // HAPI-0989 is "not the current version"; other 409s (a lost race, a referenced resource) stay what they are.
      boolean stale = thrown instanceof ResourceVersionConflictException && thrown.getMessage().contains("HAPI-0989");
      return stale ? new PreconditionFailedException(thrown.getMessage()) : null;
    }
  }

  /** The beans that HAPI's own configuration leaves to the application. */
  @Configuration
  @Import({
    JpaR4Config.class,
    HapiJpaConfig.class,
    JpaBatch2Config.class,
    Batch2JobsConfig.class,
    SubscriptionChannelConfig.class,
    ThreadPoolFactoryConfig.class
  })
  static class Wiring {

    @Bean
    JpaStorageSettings storageSettings() {
      JpaStorageSettings settings = new JpaStorageSettings();
      settings.setEnforceReferentialIntegrityOnWrite(true);
      settings.setSchedulingDisabled(true);
      settings.setHibernateSearchIndexFullText(false);
      settings.setHibernateSearchIndexSearchParams(false);
      // HAPI would answer a repeated search from a result up to a minute old; a test wants to see its own write.
      settings.setReuseCachedSearchResultsForMillis(null);
      return settings;
    }

    @Bean
    PartitionSettings partitionSettings() {
      return new PartitionSettings();
    }

    @Bean
    SubscriptionSettings subscriptionSettings() {
      return new SubscriptionSettings();
    }

    /**
     * WRITE_DELAY=0 writes each commit to the file before it returns, so an answered write survives kill -9.
     * H2's default file lock is the operating system's, which a killed process releases.
     */
    @Bean
    DataSource dataSource() {
      Path file = Path.of(System.getProperty("withness.folder"), "h2");
      String url = "jdbc:h2:file:" + file + ";WRITE_DELAY=0;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE;TRACE_LEVEL_FILE=0";
      JdbcConnectionPool pool = JdbcConnectionPool.create(url, "sa", "");
      pool.setMaxConnections(40); // HAPI holds two or more connections for one request
      return pool;
    }

    @Bean
    @Primary
    LocalContainerEntityManagerFactoryBean entityManagerFactory(
        ConfigurableListableBeanFactory beans, FhirContext fhir, JpaStorageSettings settings, DataSource dataSource) {
      LocalContainerEntityManagerFactoryBean factory =
          HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
      factory.setPersistenceUnitName("HAPI_PU");
      factory.setDataSource(dataSource);
      Properties properties = new Properties();
      properties.put("hibernate.dialect", HapiFhirH2Dialect.class.getName());
      properties.put("hibernate.hbm2ddl.auto", "update");
      properties.put("hibernate.search.enabled", "false");
      properties.put("hibernate.cache.use_second_level_cache", "false");
      properties.put("hibernate.cache.use_query_cache", "false");
      properties.put("hibernate.jdbc.batch_size", "20");
      factory.setJpaProperties(properties);
      return factory;
    }

    @Bean
    @Primary
    PlatformTransactionManager transactionManager(EntityManagerFactory entityManagerFactory) {
      return new JpaTransactionManager(entityManagerFactory);
    }
  }
}
