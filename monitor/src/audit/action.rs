//! What the log knows: a closed list, with codes that never change once they were written.

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As it is stored.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Reads [`Self::code`].
            pub fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

codes!(
    /// What was done.
    Action {
        /// Signed in.
        SessionOpened = "session.opened",
        /// A sign-in failed: `after` says at which step, never what was typed as a password or a code.
        SessionRefused = "session.refused",
        /// Signed out.
        SessionClosed = "session.closed",
        /// A session was ended from afar, by its owner or by an administrator.
        SessionEnded = "session.ended",
        /// An account was locked after failures.
        AccountLocked = "account.locked",
        /// An account was made.
        AccountCreated = "account.created",
        /// Name, role, hall, unit or window of an account changed, or it was enabled or disabled.
        AccountChanged = "account.changed",
        /// A password was set.
        PasswordChanged = "account.password_changed",
        /// A second factor was set up, used up (a recovery code) or removed.
        FactorChanged = "account.factor_changed",
        /// A token was made.
        TokenCreated = "token.created",
        /// A token was granted a role and halls, or they were taken away.
        TokenGranted = "token.granted",
        /// A token was revoked.
        TokenRevoked = "token.revoked",
        /// History was posted with a token that may.
        HistoryLoaded = "history.loaded",
        /// A live picture was opened.
        CameraViewed = "camera.viewed",
        /// A live picture was closed.
        CameraLeft = "camera.left",
        /// A full picture was looked at.
        SnapshotViewed = "snapshot.viewed",
        /// A recording was looked at.
        RecordingViewed = "recording.viewed",
        /// Personal data of an applicant was shown in the clear.
        PersonUnmasked = "person.unmasked",
        /// Somebody acted on a card.
        CardChanged = "card.changed",
        /// A maintenance of a hall, camera or source was planned: its alerts are held back meanwhile.
        MaintenancePlanned = "maintenance.planned",
        /// It was ended before its time, or called off.
        MaintenanceEnded = "maintenance.ended",
        /// A pause or leave of a window was entered, or it serves again.
        AbsenceEntered = "absence.entered",
        /// Somebody above the hall decided about leave.
        AbsenceDecided = "absence.decided",
        /// Somebody began a patrol through the cameras.
        PatrolBegun = "patrol.begun",
        /// A hall was looked at on a patrol, and what was found.
        PatrolStopped = "patrol.stopped",
        /// A shift was handed over, with what was open.
        ShiftHandedOver = "shift.handed_over",
        /// A shift was taken over.
        ShiftTaken = "shift.taken",
        /// An inspector issued a card by hand.
        CardIssued = "card.issued",
        /// Somebody issued a supervision order by hand, or instructed by one.
        OrderIssued = "order.issued",
        /// Somebody acted on a supervision order.
        OrderChanged = "order.changed",
        /// Somebody brought a file to attach.
        AttachmentBrought = "attachment.brought",
        /// An attached file was taken away.
        AttachmentTaken = "attachment.taken",
        /// A camera was added, changed or taken away on its page; never what its password is.
        CameraChanged = "camera.changed",
        /// A camera was looked at before it was saved.
        CameraTested = "camera.tested",
        /// Halls, items, calendars or cameras were imported.
        ImportMade = "import.made",
        /// A rule profile was drafted or put in force.
        ProfileChanged = "profile.changed",
        /// A month closed: its scores are published.
        MonthClosed = "month.closed",
        /// An inspector asked for a closed month to be opened again, or answered one who did.
        MonthChanged = "month.changed",
        /// A bulletin was drafted, edited, signed, taken back or published, or an addendum to it.
        BulletinChanged = "bulletin.changed",
        /// Old events were dropped, that nothing needs any more.
        EventsDropped = "events.dropped",
        /// A setting of the console changed.
        SettingChanged = "setting.changed",
        /// A channel was made, changed, or switched on or off; never what its secrets are.
        ChannelChanged = "channel.changed",
        /// A test was sent over a channel.
        ChannelTested = "channel.tested",
        /// Somebody changed what they are told.
        SubscriptionChanged = "subscription.changed",
        /// A key that seals secrets was replaced.
        KeyRotated = "key.rotated",
        /// Data left the console as a file.
        ExportMade = "export.made",
        /// Somebody asked for what they may not have, or too often.
        AccessDenied = "access.denied",
        /// The log was checked.
        AuditVerified = "audit.verified",
    }
);

codes!(
    /// What kind of somebody acts.
    ActorKind {
        /// A person who is signed in, or who tries to.
        Account = "account",
        /// A program with a bearer token.
        Token = "token",
        /// The command line, on the console's machine.
        Command = "command",
        /// The console itself.
        System = "system",
        /// A stranger.
        Nobody = "nobody",
    }
);
