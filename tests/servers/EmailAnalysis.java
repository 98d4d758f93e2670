package exfilwatch.tests;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * What the index of Elasticsearch's security feature is analysed with, and the distribution for tests lacks: without it
 * no API key can be made. Of Lucene, which is there.
 */
public class EmailAnalysis extends Plugin implements AnalysisPlugin {

    private interface Step {
        TokenStream of(TokenStream tokens, Settings settings);
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "pattern_capture", filter((tokens, settings) -> new PatternCaptureGroupTokenFilter(
                tokens, settings.getAsBoolean("preserve_original", true), patterns(settings.getAsList("patterns")))),
            "unique", filter((tokens, settings) -> new RemoveDuplicatesTokenFilter(tokens)),
            "lowercase", filter((tokens, settings) -> new LowerCaseFilter(tokens)));
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of("uax_url_email", (index, environment, name, settings) ->
            TokenizerFactory.newFactory(name, UAX29URLEmailTokenizer::new));
    }

    private static AnalysisProvider<TokenFilterFactory> filter(Step step) {
        return (index, environment, name, settings) -> new AbstractTokenFilterFactory(name) {
            @Override
            public TokenStream create(TokenStream tokens) {
                return step.of(tokens, settings);
            }
        };
    }

    private static Pattern[] patterns(List<String> texts) {
        return texts.stream().map(Pattern::compile).toArray(Pattern[]::new);
    }
}
