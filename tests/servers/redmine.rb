# Makes a new Redmine ready, in one start of Rails: its tables, its default data, a project, and an account for us.
#
# A role may do what docs/case-systems.md asks for, and no more; another one may only read.
ActiveRecord::Migration.verbose = false
ActiveRecord::Base.connection.migration_context.migrate
ActiveRecord::Base.descendants.each(&:reset_column_information)
Redmine::DefaultData::Loader.load('en')
{ rest_api_enabled: 1, text_formatting: 'textile', login_required: 0, host_name: 'redmine.example.org' }.each { |name, value| Setting[name] = value }

# A request may say by which formatting it wants texts read, as if that were the setting.
class FormattingOfRequest
  def initialize(app)
    @app = app
  end

  def call(env)
    Thread.current[:text_formatting] = env['HTTP_X_TEXT_FORMATTING']
    @app.call(env)
  end
end
Setting.singleton_class.prepend(Module.new { def text_formatting = Thread.current[:text_formatting] || super })

def role(name, *permissions)
  made = Role.create!(name: name, permissions: permissions, issues_visibility: 'all')
  made.copy_workflow_rules(Role.find_by!(name: 'Manager'))
  made
end

def account(login, key, project, role)
  made = User.new(firstname: login, lastname: 'Example', mail: "#{login}@example.org", admin: false)
  made.login = login
  made.password = made.password_confirmation = key
  made.save!
  Token.create!(user: made, action: 'api').update_column(:value, key)
  Member.create!(project: project, principal: made, roles: [role])
end

opens = role('Opens cases', :view_issues, :add_issues, :edit_issues, :add_issue_notes, :manage_issue_relations,
             :set_own_issues_private)
reads = role('Reads cases', :view_issues)
project = Project.create!(name: 'Incidents', identifier: 'incidents', is_public: false, enabled_module_names: %w[issue_tracking wiki repository])
project.trackers = Tracker.all
[['Incident key', true], ['Site', true], ['Not a filter', false]].each do |name, filter|
  IssueCustomField.create!(name: name, field_format: 'string', is_filter: filter, trackers: Tracker.all, projects: [project])
end
105.times do |number|
  other = User.new(firstname: "Member #{number}", lastname: 'Example', mail: "member#{number}@example.org")
  other.login = "member#{number}"
  other.save!(validate: false)
  Member.create!(project: project, principal: other, roles: [reads])
end
account(ENV.fetch('USER_OPENS'), ENV.fetch('KEY_OPENS'), project, opens)
account(ENV.fetch('USER_READS'), ENV.fetch('KEY_READS'), project, reads)
