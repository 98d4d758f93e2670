# Redmine's own Textile formatter, without Redmine around it: reads a JSON list of texts, writes one of HTML.
require 'json'
require 'action_view'

module Redmine
  module WikiFormatting
  end

  module Helpers
    module URL
      def uri_with_link_safe_scheme?(_uri)
        true
      end
    end
  end
end

%w[links_helper textile/redcloth3 textile/formatter].each do |file|
  require File.join(ARGV.fetch(0), 'lib/redmine/wiki_formatting', file)
end
puts JSON.generate(JSON.parse($stdin.read).map { |text| Redmine::WikiFormatting::Textile::Formatter.new(text).to_html })
