package misptest

// Sample returns the database of the demo: three published events and a draft,
// with addresses and names that belong to nobody.
func Sample() *Database {
	const network, delivery = "Network activity", "Payload delivery"
	db := &Database{}
	db.Add(
		Event{
			Info:        "EICAR test file found on endpoints",
			Date:        "2026-01-12",
			ThreatLevel: 3,
			Analysis:    2,
			Published:   true,
			Tags:        Tags("tlp:clear", "type:osint"),
			Objects: []Object{{Name: "file", Attributes: []Attribute{
				{Type: "filename", Category: delivery, Value: "eicar.com", ObjectRelation: "filename"},
				{Type: "md5", Category: delivery, Value: "44d88612fea8a8f36de82e1278abb02f", ObjectRelation: "md5", ToIDs: true},
				{Type: "sha1", Category: delivery, Value: "3395856ce81f2b7382dee72602f798b642f14140", ObjectRelation: "sha1", ToIDs: true},
				{Type: "sha256", Category: delivery, Value: "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f", ObjectRelation: "sha256", Comment: "EICAR antivirus test file", ToIDs: true},
			}}},
		},
		Event{
			Info:        "Loader campaign with command and control over DNS and HTTP",
			Date:        "2026-02-03",
			ThreatLevel: 1,
			Analysis:    1,
			Published:   true,
			Tags:        Tags("tlp:amber", `misp-galaxy:threat-actor="Demo Bear"`),
			Attributes: []Attribute{
				{Type: "domain", Category: network, Value: "evil-updates.example.com", Comment: "command and control", ToIDs: true, Tags: Tags("kill-chain:Command and Control")},
				{Type: "hostname", Category: network, Value: "c2.evil-updates.example.com", ToIDs: true},
				{Type: "ip-dst", Category: network, Value: "203.0.113.66", Comment: "command and control", ToIDs: true},
				{Type: "ip-dst|port", Category: network, Value: "198.51.100.77|4444", ToIDs: true},
				{Type: "ip-dst", Category: network, Value: "2001:db8::bad", ToIDs: true},
				{Type: "domain|ip", Category: network, Value: "loader.example.org|203.0.113.67", ToIDs: true},
				{Type: "url", Category: network, Value: "http://evil-updates.example.com/gate/payload.bin", ToIDs: true},
				{Type: "filename|sha256", Category: delivery, Value: "invoice.exe|5f4dcc3b5aa765d61d8327deb882cf99c9f0f895fb98ab9159f51fd0297e236d", ToIDs: true},
				{Type: "email-src", Category: delivery, Value: "billing@evil-updates.example.com", ToIDs: true},
				{Type: "ja3-fingerprint-md5", Category: network, Value: "e7d705a3286e19ea42f587b344ee6865", ToIDs: true},
			},
		},
		Event{
			Info:        "SSH brute force sources",
			Date:        "2026-02-20",
			ThreatLevel: 2,
			Analysis:    2,
			Published:   true,
			Org:         Org{Name: "PARTNER-CERT"},
			Tags:        Tags("tlp:green"),
			Attributes: []Attribute{
				{Type: "ip-src", Category: network, Value: "198.51.100.23", Comment: "SSH brute force", ToIDs: true},
				{Type: "ip-src", Category: network, Value: "203.0.113.5", Comment: "SSH scanner", ToIDs: true},
				{Type: "ip-dst", Category: network, Value: "192.0.2.200", Comment: "a sinkhole, not for detection"},
			},
		},
		Event{
			Info:        "Draft: phishing wave under investigation",
			Date:        "2026-03-01",
			ThreatLevel: 2,
			Tags:        Tags("tlp:red"),
			Attributes: []Attribute{
				{Type: "domain", Category: network, Value: "login-portal.example.net", ToIDs: true},
			},
		},
	)
	return db
}
